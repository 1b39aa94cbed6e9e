import Stock
import StockRecords
import Threads

/// One look at whether Redis has to be recovered.
struct RecoveryLook: Sendable {
  let postgres: RecoveryNeed.PostgresView
  let redis: RecoveryNeed.RedisView
  let need: RecoveryNeed?

  /// A new connection each time: an old one may still reach a primary that has been replaced.
  init(_ tables: RecoveryTables, _ settings: RecoverySettings) throws {
    postgres = try tables.open(retentionHours: settings.retentionHours)
    redis = try RecoveryRedis(settings.redis).view(of: postgres.activities)
    need = RecoveryNeed.find(postgres, redis, epochAfter: try tables.epoch())
  }
}
