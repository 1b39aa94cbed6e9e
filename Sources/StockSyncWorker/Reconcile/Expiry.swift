import Log
import PostgresClient
import RedisClient
import Stock

/// Removes activities from Redis whose retention is over. Their rows in Postgres stay.
struct Expiry {
  let postgres: PostgresSide
  let redis: RedisSide
  let retentionHours: Int
  let log: Log

  /// Activities that wait for their outbox, with how many entries.
  typealias Waiting = [ActivityID: String]

  /// `waiting` is as the last run of this process left it: what has not changed is not said again.
  func run(_ waiting: inout Waiting) throws {
    let over = Set(try postgres.activities(retentionHours: retentionHours).over)
    let epoch = try RecoveryTables(postgres.connection).epoch()
    let listed = try redis.listed().filter { over.contains($0) }
    waiting = waiting.filter { listed.contains($0.key) }
    for id in listed {
      let answer = try redis.expire(
        id, epoch: epoch, retentionMs: Int64(retentionHours) * 3_600_000)
      switch answer[0] {
      case "expired": log.info("activity_expired", ["activity": .integer(id.value)])
      case "outbox":
        if waiting.updateValue(answer[1], forKey: id) == answer[1] { continue }
        log.warning(
          "activity_expiry_waits",
          ["activity": .integer(id.value), "outbox": .string(answer[1])])
      default: break  // fenced, or its window in Redis is another: recovery's and reconciliation's
      }
    }
  }
}
