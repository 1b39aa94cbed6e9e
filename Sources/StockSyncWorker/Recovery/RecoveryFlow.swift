import Protections
import Stock
import Threads

// DESIGN
// The protocol of a recovery as a value: it says one action at a time, hears how that went, and says the next. No I/O,
// no clock: the driver carries out, the simulation plays all the ways in which it can go wrong.
//
//   lock → epoch → control → outbox → wait → barriers → apply → rebuild → fence
//
// where rebuild is: connect, then stage and swap each activity.
//
// What failed is tried again from its step, in the same epoch, until the step's limit. Once a swap may have been
// sent, draws may go on in this epoch with what it wrote, so that a second swap of the same epoch could take back
// what they were told: then, and after a step's limit, everything begins again with a new epoch. Losing the advisory
// lock ends the attempt: somebody else may be at it, and whoever comes next takes a new epoch too.
//
// A zombie may carry out any of these actions late. It is harmless by what the actions compare: epochs only grow, and
// a swap asks for the identity, the token and a lower stored epoch.

/// What a recovery does next.
struct RecoveryFlow: Sendable {
  enum Step: String, CaseIterable, Sendable {
    case lock, epoch, control, outbox, wait, barriers, apply, rebuild, fence
  }

  struct Timing: Equatable, Sendable {
    /// How long a DrawService may say `claimed` after it began a heartbeat.
    var leaseMs: Int
    /// Drift of clocks and margin.
    var marginMs: Int
    /// Not needed for safety: claims on their way can still arrive.
    var extraWaitMs: Int
    /// Longest step, its tries included.
    var stepLimitMs: Int
  }

  enum Action: Equatable, Sendable {
    /// Take the advisory lock, then look at the need again.
    case takeLock
    /// Commit the highest epoch of Postgres, control topic and Redis, plus 1.
    case advanceEpoch
    /// Acknowledged by all in-sync replicas.
    case writeControl(epoch: Int64)
    /// What survived in the outbox, unchanged.
    case publishOutbox
    case wait(until: BootTime)
    case writeBarriers(epoch: Int64, partitions: [Int32])
    /// Until Postgres is past the barrier of each.
    case awaitBarriers(epoch: Int64, partitions: [Int32])
    /// One connection for all that follows; the server's identity is read on it. Which activities there are is read
    /// from Postgres now.
    case connect(epoch: Int64)
    case stage(ActivityID, epoch: Int64)
    case swap(ActivityID, epoch: Int64)
    case openFence(epoch: Int64, [ActivityID])
    /// Before the next try.
    case pause(until: BootTime)
    case end(Ending)
  }

  enum Event: Equatable, Sendable {
    case locked(isNeeded: Bool)
    case lockIsTaken
    case epochAdvanced(Int64)
    case controlAcknowledged
    case outboxPublished
    case waited
    case barriersAcknowledged
    case barriersApplied
    case connected([ActivityID])
    case staged
    case swapped
    case fenceOpened
    case paused
    /// A script said no: nothing was done.
    case refused(String)
    /// Anything else that is not known to have been done.
    case failed(String)
    /// Any error of Postgres: the lock's session may be gone.
    case lockLost(String)
    /// The process ends.
    case stopping
  }

  enum Ending: Equatable, Sendable {
    case recovered(epoch: Int64, activities: [ActivityID])
    case notNeeded
    /// Somebody else holds the lock.
    case elsewhere
    /// The process ends in the middle of it; somebody else goes on.
    case stopped(Step)
    case failed(Step, String)
  }

  /// New epochs in one attempt; past it the attempt ends, and the next begins with a look at the need.
  static let epochLimit = 4
  /// Waits between tries: the first, and the longest.
  static let pauseMs = (first: 100, longest: 5_000)

  let timing: Timing
  let partitions: [Int32]
  private(set) var step = Step.lock
  private(set) var epoch: Int64 = 0
  /// Activities of the current connection that are not swapped yet, the next one first.
  private var pending: ArraySlice<ActivityID> = []
  private var activities: [ActivityID] = []
  /// Whether draws may go on in this epoch already.
  private(set) var mayHaveSwapped = false
  private(set) var epochsTaken = 0
  private var stepBegan: BootTime
  private var controlBegan: BootTime
  private var waitEnds: BootTime?
  private var pauseMs = Self.pauseMs.first
  private var action = Action.takeLock

  /// `partitions`: all of the topic of events.
  init(timing: Timing, partitions: [Int32], now: BootTime) {
    precondition(!partitions.isEmpty)
    self.timing = timing
    self.partitions = Protection.barrierInEveryPartition.isOn ? partitions : [partitions[0]]
    stepBegan = now
    controlBegan = now
  }

  /// The action that has to be carried out now.
  var next: Action { action }

  /// When the current step has taken too long.
  var stepDeadline: BootTime { stepBegan.adding(ms: timing.stepLimitMs) }

  /// How the current action went; gives the next one. An event that does not belong to it is a mistake and traps.
  mutating func handle(_ event: Event, now: BootTime) -> Action {
    action = decide(event, now)
    return action
  }

  private mutating func decide(_ event: Event, _ now: BootTime) -> Action {
    switch (event, action) {
    case (.stopping, _): return .end(.stopped(step))
    case (.lockLost(let reason), _): return .end(.failed(step, reason))
    case (.failed(let reason), _): return afterFailure(reason, now)
    case (.refused(let reason), _): return .end(.failed(step, reason))
    case (.paused, .pause(let until)): return now < until ? .pause(until: until) : again(now)
    case (.lockIsTaken, .takeLock): return .end(.elsewhere)
    case (.locked(let isNeeded), .takeLock):
      return isNeeded ? begin(.epoch, now) : .end(.notNeeded)
    case (.epochAdvanced(let epoch), .advanceEpoch):
      self.epoch = epoch
      epochsTaken += 1
      mayHaveSwapped = false
      waitEnds = nil
      return begin(.control, now)
    case (.controlAcknowledged, .writeControl):
      noteWait(now)
      return begin(Protection.outboxPublishedFirst.isOn ? .outbox : .wait, now)
    case (.outboxPublished, .publishOutbox): return begin(.wait, now)
    case (.waited, .wait(let until)):
      return now < until ? .wait(until: until) : begin(.barriers, now)
    case (.barriersAcknowledged, .writeBarriers):
      return begin(Protection.waitForPostgres.isOn ? .apply : .rebuild, now)
    case (.barriersApplied, .awaitBarriers): return begin(.rebuild, now)
    case (.connected(let activities), .connect):
      self.activities = activities
      pending = activities[...]
      return nextActivity(now)
    case (.staged, .stage(let activity, let epoch)):
      mayHaveSwapped = true  // from here on it may have been sent, whatever the driver says
      return .swap(activity, epoch: epoch)
    case (.swapped, .swap):
      pending = pending.dropFirst()
      return nextActivity(now)
    case (.fenceOpened, .openFence):
      return .end(.recovered(epoch: epoch, activities: activities))
    default: preconditionFailure("\(event) is no answer to \(action)")
    }
  }

  /// Every lease that was begun before the control record was acknowledged has ended then.
  private mutating func noteWait(_ now: BootTime) {
    let began = Protection.waitFromAcknowledgement.isOn ? now : controlBegan
    let waitMs = timing.leaseMs + timing.marginMs + timing.extraWaitMs
    waitEnds = Protection.wait.isOn ? began.adding(ms: waitMs) : now
  }

  private mutating func nextActivity(_ now: BootTime) -> Action {
    if let activity = pending.first { return .stage(activity, epoch: epoch) }
    return begin(.fence, now)
  }

  private mutating func begin(_ step: Step, _ now: BootTime) -> Action {
    self.step = step
    stepBegan = now
    pauseMs = Self.pauseMs.first
    return again(now)
  }

  /// The current step from its beginning.
  private mutating func again(_ now: BootTime) -> Action {
    switch step {
    case .lock: return .takeLock
    case .epoch: return .advanceEpoch
    case .control:
      controlBegan = now
      return .writeControl(epoch: epoch)
    case .outbox: return .publishOutbox
    case .wait: return .wait(until: waitEnds ?? now)
    case .barriers: return .writeBarriers(epoch: epoch, partitions: partitions)
    case .apply: return .awaitBarriers(epoch: epoch, partitions: partitions)
    case .rebuild: return .connect(epoch: epoch)
    case .fence: return .openFence(epoch: epoch, activities)
    }
  }

  private mutating func afterFailure(_ reason: String, _ now: BootTime) -> Action {
    let startsAgain =
      (mayHaveSwapped && Protection.newEpochAfterSwap.isOn) || now >= stepDeadline
      || step == .fence
    if step == .lock || (startsAgain && (step == .epoch || epochsTaken >= Self.epochLimit)) {
      return .end(.failed(step, reason))
    }
    if startsAgain {
      let isNew = Protection.newEpochAfterSwap.isOn || !mayHaveSwapped
      step = isNew ? .epoch : .rebuild
      stepBegan = now
    }
    let until = now.adding(ms: pauseMs)
    pauseMs = min(2 * pauseMs, Self.pauseMs.longest)
    return .pause(until: until)
  }
}
