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

  func run() throws {
    let over = Set(try postgres.activities(retentionHours: retentionHours).over)
    let epoch = try RecoveryTables(postgres.connection).epoch()
    for id in try redis.listed() where over.contains(id) {
      let answer = try redis.expire(
        id, epoch: epoch, retentionMs: Int64(retentionHours) * 3_600_000)
      switch answer[0] {
      case "expired": log.info("activity_expired", ["activity": .integer(id.value)])
      case "outbox":
        log.warning(
          "activity_expiry_waits",
          ["activity": .integer(id.value), "outbox": .string(answer[1])])
      default: break  // fenced, or its window in Redis is another: recovery's and reconciliation's
      }
    }
  }
}
