import Log
import PostgresClient
import Threads

/// The thread that looks after the rest: the stats line, and the watchdog over the other two.
///
/// Values alone: its connection is made inside `run`, on its thread.
struct Keeper: Sendable {
  /// Activities in a stats line; the newest, of those that are not long over.
  private static let activityLimit: Int64 = 20

  private static let surpluses = PreparedStatement(
    name: "surpluses", sql: sqlText(PackageResources.surpluses_sql))

  let postgres: PostgresSettings
  let intervalMs: Int
  let stallMs: Int
  let stats: WorkerStats
  let log: Log
  /// Closed when it has to end; nothing is ever put into it.
  let inbox: Inbox<Never>

  func run() {
    let session = PostgresSession(postgres)
    defer { session.close() }
    var next = MonotonicTime.after(ms: intervalMs)
    var watch = Watchdog(stallMs: stallMs)
    while inbox.take(until: next) != nil {
      next = max(next.adding(ms: intervalMs), .now)
      if let alarm = watch.look(at: stats.now(), now: .now) { tell(alarm) }
      tellStats(session)
    }
    tellStats(nil)
  }

  private func tellStats(_ session: PostgresSession?) {
    let (counters, now) = stats.take()
    log.info("stats", StatsLine.fields(counters, now, surplus: session.flatMap(surplus) ?? [:]))
  }

  /// Total and surplus by activity; nil while Postgres is away.
  private func surplus(_ session: PostgresSession) -> LogValue? {
    do throws(PostgresError) {
      let found = try session.connection().execute(Self.surpluses, [.int8(Self.activityLimit)])
      session.succeeded()
      return .object(
        (0..<found.rowCount).map { row in
          (
            String(found.int8(row, 0)),
            .object([
              ("total", .integer(found.int8(row, 1))), ("surplus", .integer(found.int8(row, 2))),
            ])
          )
        })
    } catch {
      session.failed(error)
      log.debug("surplus_unknown", ["error": .string(error.description)])
      return nil
    }
  }

  private func tell(_ alarm: Watchdog.Alarm) {
    switch alarm {
    case .noProgress(let ms, let now):
      log.alarm(
        "apply_stalled",
        [
          "noProgressMs": .int(ms), "phase": .string(now.phase),
          "unapplied": .int(now.unapplied), "partitions": .array(now.partitions.map { .int($0) }),
        ])
    case .consumerStill(let ms): log.alarm("consumer_stalled", ["noTurnMs": .int(ms)])
    }
  }
}
