import Configuration
import Foundation
import Glibc
import PostgresClient
import RedisClient
import Stock
import StockRecords
import TestSupport

@testable import StockSyncWorker

/// A deployment whose Redis gets lost: what is in Postgres, and whether Redis is that again.
struct LostRedis {
  let deployment: Deployment
  let history: History
  private let settings: RecoverySettings

  /// One activity with a history in the topic; leases and waits are short.
  init(_ stack: LocalStack, seed: UInt64, steps: Int = 600) throws {
    var random = Seeded(seed)
    history = History(activity: 1, total: 100, steps: steps, using: &random)
    var deployment = try Deployment(stack, activities: [1: 100, 2: 10])
    for (name, value) in [
      "LEASE_DURATION_MS": "1000", "RECOVERY_MARGIN_MS": "100", "RECOVERY_EXTRA_WAIT_MS": "0",
      "RECOVERY_LOCK_IDLE_MS": "2000", "RECOVERY_CHECK_MS": "200",
    ] { deployment.environment["SLIDING_STOCK_\(name)"] = value }
    self.deployment = deployment
    settings = try deployment.recoverySettings()
    try Publisher(deployment).publish(history.events)
  }

  /// A worker that has applied the whole history. `isWatching`: it looks after Redis too, not just once at its start.
  func worker(isWatching: Bool = true, _ more: [String: String] = [:]) throws -> WorkerProcess {
    let worker = try deployment.worker(
      isWatching ? [] : ["--recovery-check-ms", "60000"], more)
    let isApplied = try eventually(within: 60) {
      try deployment.appliedOffsets() >= Int64(history.events.count)
    }
    if !isApplied { throw TestSupportError("nothing is applied: \(worker.process.tail)") }
    return worker
  }

  func flush() throws { try redis("FLUSHDB") }

  @discardableResult
  func redis(_ words: String...) throws -> String {
    try Subprocess.run(
      "redis-cli",
      ["-s", deployment.stack.redisSocket, "-n", "\(deployment.redis.database)"] + words
    ).trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// Everything in this database and in the tables, to be compared.
  func dump() throws -> [String] {
    let keys = try redis("--raw", "KEYS", "*").split(separator: "\n").map(String.init).sorted()
    return try keys.map { "\($0) \(try redis("DUMP", $0))" } + deployment.tables.dump()
      + ["epoch \(try epoch())"]
  }

  func epoch() throws -> Int64 { try deployment.tables.number("SELECT epoch FROM deployment") }

  /// `recover` as a process.
  func recover(_ words: [String] = [], _ more: [String: String] = [:]) throws -> Subprocess {
    try Subprocess(
      try builtProduct("StockSyncWorker"), ["recover"] + words,
      environment: deployment.environment.merging(more) { $1 })
  }

  /// What still differs between Redis and Postgres; empty once Redis is right and open.
  func differences() throws -> [String] {
    let tables = RecoveryTables(try PostgresConnection(deployment.tables.settings))
    let look = try RecoveryLook(tables, settings)
    if let need = look.need { return [need.description] }
    let held = history.claims.filter { $0.value.state == "claimed" }
      .map { "\($0.key)=\($0.value.user) \($0.value.request) \($0.value.seq) 1" }.sorted()
    let lines = try redis("--raw", "HGETALL", "stock:{1}:locks").split(
      separator: "\n", omittingEmptySubsequences: true)
    let locks = stride(from: 0, to: lines.count, by: 2).map { "\(lines[$0])=\(lines[$0 + 1])" }
    var found = locks.sorted() == held ? [] : ["the locks differ"]
    if try redis("HGET", "stock:{1}", "seq") != "\(history.events.count)" {
      found.append("seq is another one")
    }
    for id in [1, 2] where try redis("HGET", "stock:{\(id)}", "state") != "open" {
      found.append("activity \(id) is not open")
    }
    if try redis("KEYS", "*:staged*") != "" { found.append("something is left staged") }
    return found
  }
}

extension Deployment {
  /// As a worker of this deployment has them.
  func recoverySettings() throws -> RecoverySettings {
    let configuration = try Configuration(
      scope: .worker, options: [], arguments: [], environment: environment)
    return try RecoverySettings(configuration, kafka: kafka)
  }
}

extension Subprocess {
  /// Lines of its log on standard error with that event.
  func said(_ event: String) -> Bool { errorOutput.contains("\"event\":\"\(event)\"") }
}
