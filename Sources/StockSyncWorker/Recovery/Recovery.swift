import Log
import PostgresClient
import RedisClient
import Stock
import Threads

/// The thread that looks whether Redis has to be recovered, and recovers it.
///
/// Values alone: its connections are made inside `run`, on its thread.
struct Recovery: Sendable {
  let settings: RecoverySettings
  let log: Log
  /// Closed when it has to end; nothing is ever put into it.
  let inbox: Inbox<Never>

  func run() {
    var watch = RecoveryWatch(self)
    defer { watch.close() }
    var next = MonotonicTime.now
    while inbox.take(until: next) != nil {
      next = .after(ms: watch.turn())
    }
  }
}

/// What it carries from look to look.
private struct RecoveryWatch {
  private let parts: Recovery
  private let session: PostgresSession
  private var backoff: Backoff
  private var isBlind = false
  private var saidNeed: RecoveryNeed?
  private var saidElsewhere = false
  /// Answers of a Redis that could not be told of an activity, as they were said.
  private var saidUntold: [ActivityID: String] = [:]

  init(_ parts: Recovery) {
    self.parts = parts
    session = PostgresSession(parts.settings.postgres)
    backoff = Backoff(
      initialMs: parts.settings.checkMs, maximumMs: max(30_000, parts.settings.checkMs))
  }

  func close() { session.close() }

  /// One look and what it asks for; milliseconds until the next.
  mutating func turn() -> Int {
    do {
      let look = try RecoveryLook(RecoveryTables(try session.connection()), parts.settings)
      session.succeeded()
      if isBlind { parts.log.info("recovery_sees_again") }
      isBlind = false
      guard let need = look.need else {
        backoff.reset()
        saidNeed = nil
        saidElsewhere = false
        try tell(look)
        return parts.settings.checkMs
      }
      if saidNeed == nil {
        parts.log.alarm("recovery_needed", ["reason": .string(need.description)])
      }
      saidNeed = need
      return recover()
    } catch {
      if let error = error as? PostgresError { session.failed(error) }
      if !isBlind { parts.log.warning("recovery_blind", ["error": .string("\(error)")]) }
      isBlind = true
      return parts.settings.checkMs
    }
  }

  private mutating func recover() -> Int {
    let inbox = parts.inbox
    let run = RecoveryRun(parts.settings, log: parts.log, isForced: false) {
      inbox.take(until: $0) != nil
    }
    switch run.run() {
    case .recovered, .notNeeded: backoff.reset()
    case .elsewhere:
      if !saidElsewhere { parts.log.info("recovery_elsewhere") }
      saidElsewhere = true
    case .stopped(let step):
      parts.log.info("recovery_stopped", ["step": .string(step.rawValue)])
    case .failed(let step, let reason):
      let retryMs = backoff.nextMs()
      parts.log.error(
        "recovery_failed",
        [
          "step": .string(step.rawValue), "error": .string(reason),
          "next": "looks again and, if it is still needed, begins with a new epoch",
          "retryMs": .int(retryMs),
        ])
      return retryMs
    }
    return parts.settings.checkMs
  }

  /// An `activity create` ended between Postgres' commit and Redis: its last step is done here.
  private mutating func tell(_ look: RecoveryLook) throws {
    let untold = RecoveryNeed.untold(look.postgres, look.redis)
    saidUntold = saidUntold.filter { untold.contains($0.key) }
    if untold.isEmpty { return }
    let redis = try RedisStock(parts.settings.redis)
    for id in untold {
      let answer = try redis.open(id, epoch: look.postgres.epoch)
      let fields: Log.Fields = [
        "activity": .int(id.value), "answer": .string(answer.description),
      ]
      if ["opened", "already"].contains(answer.word) {
        saidUntold[id] = nil
        parts.log.info("activity_opened", fields)
      } else if saidUntold.updateValue(answer.description, forKey: id) != answer.description {
        parts.log.warning("activity_not_opened", fields)
      }
    }
  }
}
