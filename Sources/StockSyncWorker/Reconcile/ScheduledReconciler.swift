import Log
import PostgresClient
import RedisClient
import Stock
import Threads

/// The thread that reconciles Redis with Postgres from time to time, and removes activities whose retention is over.
///
/// Values alone: its connections are made inside `run`, on its thread.
struct ScheduledReconciler: Sendable {
  let settings: ReconcileSettings
  let log: Log
  /// Closed when it has to end; nothing is ever put into it.
  let inbox: Inbox<Never>

  /// What is kept from turn to turn, so that nothing is said at each.
  private struct Memory {
    var reconcileLog: ReconcileLog
    var firstSeen = Reconciler.FirstSeen()
    var waiting = Expiry.Waiting()
    /// Another worker had the lock the last time.
    var isElsewhere = false
  }

  func run() {
    let session = PostgresSession(settings.postgres)
    defer { session.close() }
    var memory = Memory(reconcileLog: ReconcileLog(log: log))
    var isBlind = false
    // Without a schedule it only waits for its end.
    let intervalMs = settings.intervalMs == 0 ? Int(Int32.max) : settings.intervalMs
    while inbox.take(until: .after(ms: intervalMs)) != nil {
      if settings.intervalMs == 0 { continue }
      do {
        if let failure = try turn(session, &memory) {
          // Its report has said so.
          if let error = failure as? PostgresError { session.failed(error) }
          continue
        }
        if isBlind { log.info("reconcile_sees_again") }
        isBlind = false
      } catch {
        if let error = error as? PostgresError { session.failed(error) }
        if !isBlind { log.warning("reconcile_blind", ["error": .string("\(error)")]) }
        isBlind = true
      }
    }
  }

  /// What ended the reconciliation in its middle, if anything did.
  private func turn(_ session: PostgresSession, _ memory: inout Memory) throws -> (any Error)? {
    // With it the lock: between its turns a worker keeps nobody from reconciling.
    defer { session.close() }
    let postgres = PostgresSide(topic: settings.topic, connection: try session.connection())
    session.succeeded()
    guard try postgres.tryLock() else {
      if !memory.isElsewhere { log.info("reconcile_elsewhere") }
      memory.isElsewhere = true
      return nil
    }
    memory.isElsewhere = false
    // A new connection each time: an old one may still reach a primary that has been replaced.
    let redis = try RedisSide(settings.redis)
    try Expiry(
      postgres: postgres, redis: redis, retentionHours: settings.retentionHours, log: log
    ).run(&memory.waiting)
    let inbox = inbox
    let reconciler = Reconciler(
      settings: settings, postgres: postgres, redis: redis, repairs: true,
      pause: { inbox.take(until: .after(ms: $0)) != nil })
    let report = reconciler.run(firstSeen: &memory.firstSeen)
    memory.reconcileLog.tell(report)
    return report.failure
  }
}
