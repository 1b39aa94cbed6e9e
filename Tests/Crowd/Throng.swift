import Glibc
import Threads

// DESIGN
// One thread runs the crowd: users start while connections are idle, their errands say what to do next, what
// is to wait sits in a heap. Nothing here judges an answer. `Throng+holding.swift` keeps the draws going
// until every slot is held.

/// The crowd at its work.
final class Throng {
  let options: Options
  let exchange: Exchange
  let recorder: Recorder?
  /// Stock, as the service says.
  let total: Int
  var errands: [Errand] = []
  var tally = Tally()
  private(set) var isStopping = false
  /// The time was over before the crowd was done.
  private(set) var isLate = false

  private var ready = Queue<(errand: Int, call: Call)>()
  private var waiting = Heap()
  /// Errands that are not finished.
  private(set) var inProgress = 0
  private var comingUser = 0
  private var isInAHurry = false
  /// See `Throng+holding.swift`.
  var holding = Holding()
  /// Slots that were told the same again after everything was decided; nil before that.
  private(set) var confirmed: Int?
  private let startNs = MonotonicTime.now.nanoseconds
  private var progress: Progress

  init(_ options: Options, exchange: Exchange, total: Int, recorder: Recorder?) {
    self.options = options
    self.exchange = exchange
    self.total = total
    self.recorder = recorder
    progress = Progress(startNs: startNs)
  }

  /// Runs until everybody is served, or a stop and what was in flight has ended.
  func run() {
    var giveUp = MonotonicTime(nanoseconds: .max)
    var nextCheck = MonotonicTime(nanoseconds: startNs)
    while true {
      let now = MonotonicTime.now
      if nextCheck <= now {
        nextCheck = now.adding(ms: 50)
        if let file = options.hurryFile, access(file, F_OK) == 0 { isInAHurry = true }
        if !isStopping && shouldStop(now) {
          isStopping = true
          giveUp = now.adding(ms: options.settleS * 1_000)
        }
        progress.show(self, nowNs: now.nanoseconds)
      }
      while let due = waiting.popDue(now.nanoseconds) { ready.append((due.errand, due.call)) }
      startCalls(now.nanoseconds)
      if inProgress == 0 && !willCome && !askAtEnd() { return }
      if giveUp <= now {
        isLate = true
        return
      }
      exchange.poll(timeoutMs: waitMs(now)) { take($0) }
    }
  }

  /// Users come at a rate.
  private var isPaced: Bool { options.requestsPerSecond > 0 && !isInAHurry }

  private func shouldStop(_ now: MonotonicTime) -> Bool {
    if now.nanoseconds - startNs >= Int64(options.deadlineS) * 1_000_000_000 {
      isLate = true
      return true
    }
    if let file = options.stopFile, access(file, F_OK) == 0 { return true }
    return Signals.wait(until: now) != nil
  }

  /// More users are still to come, or to be asked again.
  private var willCome: Bool {
    !isStopping && (comingUser < options.users || (options.untilHeld && !isAllHeld))
  }

  /// Looks at every draw that was told a slot or its release, once; false when there is nothing to look at.
  private func askAtEnd() -> Bool {
    guard options.asksAtEnd, confirmed == nil, !isStopping else { return false }
    confirmed = 0
    for index in errands.indices {
      switch errands[index].story.standing {
      case .held, .released:
        inProgress += 1
        ready.append((index, errands[index].lookAgain()))
      case .undecided, .givingBack, .refused: continue
      }
    }
    return inProgress > 0
  }

  private func waitMs(_ now: MonotonicTime) -> Int {
    var ms = 50
    if let next = waiting.nextNs { ms = min(ms, MonotonicTime(nanoseconds: next).remainingMs) }
    if exchange.idle > 0, comingUser < options.users, isPaced, mayStart {
      ms = min(ms, MonotonicTime(nanoseconds: dueNs(comingUser)).remainingMs)
    }
    return ms
  }

  /// Those who wait for a decision are bounded too, or a service that is away would collect everybody.
  private var mayStart: Bool {
    !isStopping && !leavesTheRest && inProgress < 4 * options.concurrency
  }

  /// No more is to be sold before the hurry file is there.
  private var leavesTheRest: Bool {
    isPaced && holding.held + inProgress >= total - options.keepBack
  }

  /// When user number `user` comes: at a given rate at fixed moments, so that a slow service is not spared.
  private func dueNs(_ user: Int) -> Int64 {
    startNs + Int64(Double(user) * 1e9 / options.requestsPerSecond)
  }

  private func startCalls(_ nowNs: Int64) {
    while exchange.idle > 0 {
      if let (errand, call) = ready.popFirst() {
        send(errand, call)
      } else if !startNext(nowNs) {
        return
      }
    }
  }

  private func startNext(_ nowNs: Int64) -> Bool {
    guard mayStart else { return false }
    if comingUser < options.users {
      if isPaced {
        let due = dueNs(comingUser)
        if due > nowNs { return false }
        begin(user: options.firstUser + comingUser, draw: 0, dueNs: due)
      } else {
        begin(user: options.firstUser + comingUser, draw: 0, dueNs: nil)
      }
      comingUser += 1
      return true
    }
    return options.untilHeld && holdMore(nowNs)
  }

  /// Starts draw `draw` of a user if they plan one.
  @discardableResult
  func begin(user: Int, draw: Int, dueNs: Int64?) -> Bool {
    guard let plan = options.habits.plan(user: user, draw: draw) else { return false }
    begin(user: user, draw: draw, plan: plan, dueNs: dueNs)
    return true
  }

  func begin(user: Int, draw: Int, plan: Plan, dueNs: Int64?) {
    let habits = options.habits
    let request = plan.isKeyed ? habits.request(user: user, draw: draw) : nil
    let story = Story(
      user: habits.name(user), request: request,
      finalAfterNs: Int64(options.claimDeadlineMs + 1_000) * 1_000_000)
    var errand = Errand(user: user, draw: draw, plan: plan, story: story)
    errand.startedNs = dueNs ?? 0
    errands.append(errand)
    inProgress += 1
    for call in errand.opening { ready.append((errands.count - 1, call)) }
  }

  /// Asks again for a draw that was refused.
  func resume(_ errand: Int) {
    inProgress += 1
    errands[errand].startedNs = 0
    ready.append((errand, errands[errand].resume()))
  }

  /// Which service a call goes to. Mixed, not in turn: who asks and then looks would otherwise always ask
  /// one service and look at the other, and never get anywhere while one of them is away.
  private func address(of errand: Errand) -> Int {
    var mixed = UInt64(errand.user) &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(errand.calls)
    mixed = (mixed ^ (mixed >> 29)) &* 0xBF58_476D_1CE4_E5B9
    return Int((mixed >> 33) % UInt64(options.urls.count))
  }

  private func send(_ index: Int, _ call: Call) {
    let errand = errands[index]
    let now = MonotonicTime.now.nanoseconds
    if errands[index].startedNs == 0 { errands[index].startedNs = now }
    exchange.send(
      Outgoing(
        call: call, user: errand.story.user,
        request: errand.plan.isKeyed || call != .ask ? errand.story.request : nil,
        address: address(of: errand), ticket: index))
    errands[index].sent()
    tally.sent(call, at: now)
  }

  private func take(_ incoming: Incoming) {
    let answer =
      incoming.failure.map(Answer.unknown)
      ?? Answer(
        status: incoming.status, body: incoming.body, retryAfterS: incoming.retryAfterS,
        activity: options.activity)
    let told = Told(
      call: incoming.call, address: incoming.address, sentNs: incoming.sentNs,
      answeredNs: incoming.answeredNs,
      status: incoming.status, answer: answer)
    let index = incoming.ticket
    let before = errands[index].story.standing
    let next = errands[index].told(told, patience: options.patience, isStopping: isStopping)
    let errand = errands[index]
    tally.told(told, before: before, isFirst: errand.calls == 1, dueNs: errand.startedNs)
    holding.follow(before, errand.story.standing)
    if case .claimed(let slot, _, _) = answer, before == .held(slot: slot) { confirmed? += 1 }
    recorder?.write(told, errand)
    switch next {
    case .send(let call): ready.append((index, call))
    case .wait(let ms, let call):
      waiting.push(dueNs: told.answeredNs + Int64(ms) * 1_000_000, errand: index, call: call)
    case .nothing: break
    case .finished: finish(index)
    }
  }

  private func finish(_ index: Int) {
    inProgress -= 1
    let errand = errands[index]
    if case .refused(let code) = errand.story.standing { holding.refused(index, code) }
    let isFirst = errands[index].leave()
    if isFirst && !isStopping && errand.draw >= 0 {
      begin(user: errand.user, draw: errand.draw + 1, dueNs: nil)
    }
  }
}
