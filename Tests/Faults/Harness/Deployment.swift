import Foundation
import TestSupport

/// A deployment of a round's own: database, topics, one activity, and the settings of both services.
///
/// Every service reaches Redis, and every worker Postgres, through a proxy of its own.
final class Deployment {
  static let partitions = 4
  static let claimDeadlineMs = 1_000

  /// The one that is on sale.
  private(set) var activity: Int
  let topic: String
  let controlTopic: String
  /// For reading past every proxy.
  let postgres: String
  let environment: [String: String]
  private(set) var redisLinks: [String: RedirectingProxy] = [:]
  private(set) var postgresLinks: [String: RedirectingProxy] = [:]
  private let ground: Ground

  init(_ ground: Ground, _ plan: Plan) throws {
    self.ground = ground
    let stack = ground.stack
    activity = Int.random(in: 100_000..<1_000_000)
    topic = try stack.freshTopic(partitions: Self.partitions)
    controlTopic = try stack.freshTopic(partitions: 1)
    postgres = try stack.freshDatabase()
    var environment = stack.serviceEnvironment(redisPort: stack.redisPort)
    environment.merge([
      "SLIDING_STOCK_POSTGRES_CONNECTION": postgres,
      "SLIDING_STOCK_KAFKA_TOPIC": topic, "SLIDING_STOCK_KAFKA_CONTROL_TOPIC": controlTopic,
      "SLIDING_STOCK_KAFKA_PARTITIONS": "\(Self.partitions)",
      "SLIDING_STOCK_KAFKA_GROUP": "group." + topic,
      "SLIDING_STOCK_HTTP_HOST": "127.0.0.1",
      "SLIDING_STOCK_STATS_INTERVAL_MS": "500",
      // Short times, so that a round takes seconds.
      "SLIDING_STOCK_LEASE_DURATION_MS": "2000", "SLIDING_STOCK_LEASE_HEARTBEAT_MS": "300",
      "SLIDING_STOCK_CLAIM_DEADLINE_MS": "\(Self.claimDeadlineMs)",
      "SLIDING_STOCK_KAFKA_SESSION_TIMEOUT_MS": "2000",
      "SLIDING_STOCK_RECOVERY_MARGIN_MS": "200", "SLIDING_STOCK_RECOVERY_EXTRA_WAIT_MS": "0",
      "SLIDING_STOCK_RECOVERY_CHECK_MS": "200", "SLIDING_STOCK_RECOVERY_LOCK_IDLE_MS": "1500",
      "SLIDING_STOCK_RELAY_AGE_MS": "1500", "SLIDING_STOCK_RELAY_INTERVAL_MS": "200",
      "SLIDING_STOCK_RECONCILE_INTERVAL_MS": "2000",
    ]) { $1 }
    if ground.kind == .brokers {
      environment["SLIDING_STOCK_KAFKA_REPLICATION"] = "3"
      environment["SLIDING_STOCK_KAFKA_MIN_INSYNC_REPLICAS"] = "2"
    }
    environment.merge(plan.settings) { $1 }
    self.environment = environment
    try command(["migrate"])
    try createActivity(activity, stock: plan.stock)
  }

  deinit {
    for link in redisLinks.values { link.end() }
    for link in postgresLinks.values { link.end() }
    // The next round has its own; a server that is down at this moment keeps it until the stack ends.
    _ = try? Subprocess.run(
      "psql",
      [
        "-X", "-q", "-d", ground.stack.postgresURL, "-c",
        "DROP DATABASE IF EXISTS \(databaseName) WITH (FORCE)",
      ])
  }

  private var databaseName: String {
    let part = postgres.split(separator: " ").first { $0.hasPrefix("dbname=") } ?? ""
    return String(part.dropFirst("dbname=".count))
  }

  /// An operator's command; its output.
  @discardableResult
  func command(_ arguments: [String]) throws -> String {
    try Subprocess.run(builtProduct("StockSyncWorker"), arguments, environment: environment)
  }

  func createActivity(_ id: Int, stock: Int, limit: Int = 1, closes: String = "+1h") throws {
    try command([
      "activity", "create", "--id", "\(id)", "--name", "proof", "--stock", "\(stock)", "--limit",
      "\(limit)", "--opens", "now", "--closes", closes,
    ])
  }

  /// Puts another one on sale; the one before closes when its time is over.
  func renewActivity(stock: Int, closes: String) throws {
    let next = activity + 1
    try createActivity(next, stock: stock, closes: closes)
    activity = next
  }

  /// The settings of one service, with proxies of its own.
  func environment(of name: String, worker: Bool, _ more: [String: String]) throws
    -> [String: String]
  {
    var environment = environment
    let redis = try RedirectingProxy(to: ground.stack.redisPort)
    redisLinks[name] = redis
    environment["SLIDING_STOCK_REDIS_PORT"] = "\(redis.port)"
    if worker {
      let link = try RedirectingProxy(to: ground.stack.postgresPort)
      postgresLinks[name] = link
      environment["SLIDING_STOCK_POSTGRES_CONNECTION"] =
        "host=127.0.0.1 port=\(link.port) dbname=\(databaseName) user=postgres"
    }
    return environment.merging(more) { $1 }
  }
}
