// DESIGN
// A lane is a thread with one Redis connection. Each turn takes all that has arrived as one pipeline:
// nobody waits for a timer, at low load a batch is one claim, at high load batches grow while the last
// pipeline is in flight. What Redis has answered is carried out while it works on the next pipeline, or at
// once if there is none. What to send and what follows from the replies are values (LanePlan, LaneOutcome);
// here are only the turn, the connection and the hand-over.

internal import Log
internal import RedisClient
internal import Threads

#if TEST_SWITCHES
  internal import TestHolds
#endif

/// What a lane needs of the publisher.
protocol EntrySink: Sendable {
  /// Taken by the lane before a claim is made.
  var permits: Permits { get }
  /// Takes over an entry and the permits of its events.
  func publish(_ entry: OutboxEntry)
}

/// What the threads of a lane's path share.
struct LaneContext: Sendable {
  let endpoint: RedisEndpoint
  let limits: ClaimLimits
  let publisher: any EntrySink
  let lease: LeaseHolder
  let fence: FenceWatch
  let replies: ReplySink
  let meters: Meters
  let readiness: Readiness
  let log: Log
}

/// Made and used by its own thread.
final class Lane {
  /// A repeat of a request that is on its way to Kafka is asked again after this time.
  private static let undecidedPauseMs = 5
  /// A connection that was not used for this long is asked whether it is still good.
  private static let idleMs = 900

  private let number: Int
  private let inbox: Inbox<LaneWork>
  private let context: LaneContext
  private let scripts = StockScripts()
  private let session: RedisSession
  private var clock: RedisClock?
  private var again: [DrawRequest] = []
  private var undecided: (requests: [DrawRequest], dueAt: MonotonicTime) = ([], .now)
  private var batch = ReplyBatch()
  private var answered: Answered?
  private var lastUse = MonotonicTime.now

  /// A turn that Redis has answered, or failed to, and that is not carried out yet.
  private struct Answered {
    let plan: LanePlan
    /// Permits.
    let taken: Int
    let replies: Result<[RedisReply], RedisError>
    /// Which of the session's connections it was.
    let connection: Int
    let sentAt: MonotonicTime
    let receivedAt: MonotonicTime
  }

  init(number: Int, inbox: Inbox<LaneWork>, context: LaneContext) {
    self.number = number
    self.inbox = inbox
    self.context = context
    session = RedisSession(context.endpoint, scripts: scripts.all)
    session.onStateChange = { state in
      switch state {
      case .connected:
        context.readiness.setRedis(lane: number, isUsable: true)
        context.log.info("redis_connected", ["lane": .int(number)])
      case .lost(let error):
        context.readiness.setRedis(lane: number, isUsable: false)
        context.log.warning("redis_lost", ["lane": .int(number), "error": "\(error)"])
      }
    }
  }

  /// Turns until the inbox is closed and empty.
  func run() {
    _ = currentClock()  // connects
    while let work = inbox.take(limit: context.limits.batch * 8, until: nextTurn) {
      var requests = again
      var acknowledgements: [Acknowledgement] = []
      again = []
      if undecided.dueAt <= .now {
        requests += undecided.requests
        undecided.requests = []
      }
      for item in work {
        switch item {
        case .request(let request): requests.append(request)
        case .acknowledge(let acknowledgement): acknowledgements.append(acknowledgement)
        }
      }
      if answered != nil && requests.isEmpty && acknowledgements.isEmpty {
        finish()
      } else {
        turn(requests, acknowledgements)
      }
      context.replies.send(&batch)
    }
    finish()
    for request in again { batch.add(request, .refused(.unavailable)) }
    for request in undecided.requests { batch.add(request, .pending(request: request.request)) }
    context.replies.send(&batch)
  }

  private var nextTurn: MonotonicTime {
    if answered != nil || !again.isEmpty { return .now }
    if !undecided.requests.isEmpty { return undecided.dueAt }
    return .after(ms: 1_000)
  }

  private func turn(_ requests: [DrawRequest], _ acknowledgements: [Acknowledgement]) {
    guard let clock = currentClock() else {
      for request in requests { batch.add(request, .refused(.unavailable)) }
      for acknowledgement in acknowledgements { leaveToRelay(acknowledgement) }
      return
    }
    // What the last turn doesn't need of its permits may be needed now.
    if context.publisher.permits.room < requests.count { finish() }
    let lease = context.lease.view()
    let admission = Admission(
      requests, deadlineMs: context.limits.deadlineMs, permits: context.publisher.permits,
      lease: lease, now: .now, &batch)
    var timely = acknowledgements
    timely.removeAll { acknowledgement in
      if acknowledgement.mayBeSent(under: lease) { return false }
      leaveToRelay(acknowledgement)
      return true
    }
    let plan = LanePlan(
      requests: admission.admitted, acknowledgements: timely, batchLimit: context.limits.batch)
    if plan.calls.isEmpty { return finish() }  // nothing was admitted, so no permit was taken
    #if TEST_SWITCHES
      plan.hold(context.log)
    #endif
    let commands = plan.commands(
      scripts, context.limits, epochSeen: context.lease.epochSeen, clock)
    let connection = session.connectionCount
    let sentAt = MonotonicTime.now
    var replies: Result<[RedisReply], RedisError>
    do throws(RedisError) {
      try session.send(commands)
      finish()
      replies = .success(try session.receive())
    } catch {
      finish()
      replies = .failure(error)
    }
    lastUse = .now
    if session.connectionCount != connection { self.clock = nil }
    answered = Answered(
      plan: plan, taken: admission.taken, replies: replies, connection: session.connectionCount,
      sentAt: sentAt, receivedAt: lastUse)
  }

  /// Carries out what the last turn's replies say.
  private func finish() {
    guard let turn = answered else { return }
    answered = nil
    let outcomes = outcomes(of: turn)
    let published = outcomes.reduce(0) { $0 + ($1.entry?.events.count ?? 0) }
    #if TEST_SWITCHES
      if published > 0 { TestHold.reach("produce", context.log) }
    #endif
    context.publisher.permits.giveBack(turn.taken - published)
    for outcome in outcomes { carryOut(outcome) }
    if let nowMs = outcomes.lazy.compactMap(\.nowMs).last,
      turn.connection == session.connectionCount
    {
      clock = RedisClock(redisMs: nowMs, receivedAt: turn.receivedAt)
    }
    context.replies.send(&batch)
    context.meters.countTurn(
      requests: turn.plan.requestCount, calls: turn.plan.calls.count,
      redisUs: turn.receivedAt.microseconds(since: turn.sentAt),
      outboxLength: outcomes.lazy.compactMap(\.outboxLength).max())
  }

  private func outcomes(of turn: Answered) -> [LaneOutcome] {
    switch turn.replies {
    case .success(let replies):
      let lease = context.lease.view()
      return zip(turn.plan.calls, replies).map { LaneOutcome($0, $1, lease: lease) }
    case .failure(let error):
      context.meters.countRedisFailure(error.kind.rawValue)
      return turn.plan.calls.map(LaneOutcome.failed)
    }
  }

  /// The entry stays in the outbox; the relay publishes and acknowledges it again.
  private func leaveToRelay(_ acknowledgement: Acknowledgement) {
    for release in acknowledgement.releases {
      batch.add(release.request, .pending(request: release.request.request))
    }
  }

  private func carryOut(_ outcome: LaneOutcome) {
    for answer in outcome.answers { batch.add(answer.request, answer.answer) }
    if let entry = outcome.entry { context.publisher.publish(entry) }
    again += outcome.again
    for request in outcome.undecided { wait(request) }
    if let reason = outcome.fence {
      context.fence.suspect()
      if reason.isOfServer { session.renew() }
    }
    if let complaint = outcome.complaint {
      context.meters.countRedisFailure("script")
      context.log.error("script_failed", ["lane": .int(number), "error": .string(complaint)])
    }
  }

  /// A repeat whose first try is not decided waits for it, as long as the first would.
  private func wait(_ request: DrawRequest) {
    if request.arrived.adding(ms: context.limits.deadlineMs) <= .now {
      batch.add(request, .pending(request: request.request))
      return
    }
    if undecided.requests.isEmpty { undecided.dueAt = .after(ms: Self.undecidedPauseMs) }
    undecided.requests.append(request)
  }

  /// Redis' clock on this connection, asked for anew on each; nil when there is no connection.
  ///
  /// Also keeps an idle lane's connection known to be good, for `readyz`.
  private func currentClock() -> RedisClock? {
    let now = MonotonicTime.now
    let isIdle = lastUse.adding(ms: Self.idleMs) <= now
    lastUse = now
    if let clock, session.isConnected, !isIdle { return clock }
    finish()  // what follows may block
    do {
      let replies = try session.pipeline([RedisCommand("TIME")])
      guard let parts = replies.first?.elements, parts.count == 2,
        let seconds = parts[0].text.flatMap({ Int64($0) }),
        let us = parts[1].text.flatMap({ Int64($0) })
      else {
        context.log.error("redis_time_unreadable", ["lane": .int(number)])
        return nil
      }
      clock = RedisClock(redisMs: seconds * 1_000 + us / 1_000, receivedAt: .now)
      return clock
    } catch {
      clock = nil
      return nil
    }
  }
}
