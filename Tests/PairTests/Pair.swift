import Foundation
import RedisClient
import TestSupport

@testable import Crowd

/// The pair on a stack: an activity of its own, services started and ended as a test wants.
final class Pair {
  let stack: LocalStack
  private(set) var activity: Int
  /// Settings of both services.
  let environment: [String: String]

  /// On the stack that tests share, with topic and databases of its own; or on `stack`.
  init(
    on own: LocalStack? = nil, stock: Int, limit: Int = 1, opens: String = "now",
    closes: String = "+1h",
    settings: [String: String] = [:]
  ) throws {
    let stack = try own ?? LocalStack.shared()
    let partitions = 4
    var environment = stack.serviceEnvironment
    environment["SLIDING_STOCK_REDIS_DATABASE"] = "\(try stack.freshRedisDatabase())"
    environment["SLIDING_STOCK_POSTGRES_CONNECTION"] = try stack.freshDatabase()
    environment["SLIDING_STOCK_KAFKA_TOPIC"] = try stack.freshTopic(partitions: partitions)
    environment["SLIDING_STOCK_KAFKA_CONTROL_TOPIC"] = try stack.freshTopic(partitions: 1)
    environment["SLIDING_STOCK_KAFKA_PARTITIONS"] = "\(partitions)"
    environment["SLIDING_STOCK_KAFKA_GROUP"] = "test-\(UUID().uuidString)"
    environment["SLIDING_STOCK_KAFKA_SESSION_TIMEOUT_MS"] = "6000"
    environment["SLIDING_STOCK_HTTP_HOST"] = "127.0.0.1"
    environment["SLIDING_STOCK_HTTP_PORT"] = "0"
    environment["SLIDING_STOCK_STATS_INTERVAL_MS"] = "500"
    for (name, value) in settings { environment[name] = value }
    (self.stack, self.environment) = (stack, environment)
    activity = Int.random(in: 100_000..<1_000_000)
    try command(["migrate"])
    try createActivity(activity, stock: stock, limit: limit, opens: opens, closes: closes)
  }

  /// An operator's command; its output.
  @discardableResult
  func command(_ arguments: [String]) throws -> String {
    try Subprocess.run(builtProduct("StockSyncWorker"), arguments, environment: environment)
  }

  /// Goes on with an activity that nothing has happened to.
  func useFreshActivity(stock: Int) throws {
    activity += 2
    try createActivity(activity, stock: stock)
  }

  func createActivity(
    _ id: Int, stock: Int, limit: Int = 1, opens: String = "now", closes: String = "+1h"
  ) throws {
    try command([
      "activity", "create", "--id", "\(id)", "--name", "test", "--stock", "\(stock)", "--limit",
      "\(limit)", "--opens", opens, "--closes", closes,
    ])
  }

  /// A DrawService that is ready.
  func startDraw(_ settings: [String: String] = [:]) throws -> Service {
    let service = try Service("DrawService", [], environment.merging(settings) { $1 })
    let ready = try eventually(within: 30) {
      guard service.process.isRunning else { throw TestSupportError(service.process.tail) }
      guard let port = service.port else { return false }
      return (try? HTTPTestClient(port: port).send("GET", "/readyz").status) == 200
    }
    guard ready else {
      throw TestSupportError("DrawService is not ready:\n\(service.process.tail)")
    }
    return service
  }

  /// A worker that has begun; its partitions come later.
  func startWorker(_ settings: [String: String] = [:]) throws -> Service {
    try Service("StockSyncWorker", ["run"], environment.merging(settings) { $1 })
  }

  /// A crowd that draws from these services.
  func startCrowd(_ services: [Service], _ arguments: [String]) throws -> Subprocess {
    let urls = services.flatMap { ["--url", "http://127.0.0.1:\($0.port ?? 0)"] }
    return try Subprocess(
      builtProduct("Crowd"), urls + ["--activity", "\(activity)", "--json"] + arguments,
      environment: environment)
  }

  /// What the crowd was told and found, when it has ended.
  func report(of crowd: Subprocess, within seconds: Double = 120) throws -> Report {
    let status = try crowd.wait(within: seconds)
    guard let data = crowd.output.data(using: .utf8),
      let report = try? JSONDecoder().decode(Report.self, from: data)
    else { throw TestSupportError("the crowd \(status) without a report:\n\(crowd.tail)") }
    return report
  }

  /// Commands on this pair's Redis database.
  func redis(_ commands: [RedisCommand]) throws -> [RedisReply] {
    try RedisConnection(redisEndpoint, scripts: []).pipeline(commands)
  }

  /// Redis as both services' settings name it.
  var redisEndpoint: RedisEndpoint {
    var endpoint = RedisEndpoint(
      port: environment["SLIDING_STOCK_REDIS_PORT"].flatMap { Int($0) } ?? 6379,
      database: environment["SLIDING_STOCK_REDIS_DATABASE"].flatMap { Int($0) } ?? 0)
    let socket = environment["SLIDING_STOCK_REDIS_SOCKET"] ?? ""
    if !socket.isEmpty { endpoint.socket = socket }
    return endpoint
  }

  var stockKey: String { "stock:{\(activity)}" }

  /// Slots held in Redis now.
  func locks() throws -> Int {
    Int(try redis([RedisCommand("HLEN", "\(stockKey):locks")]).first?.int ?? 0)
  }

  /// One value out of Postgres.
  func query(_ sql: String) throws -> String {
    try Subprocess.run(
      "psql", ["-X", "-At", "-d", environment["SLIDING_STOCK_POSTGRES_CONNECTION"]!, "-c", sql]
    ).trimmingCharacters(in: .whitespacesAndNewlines)
  }
}

/// A service's process and its log.
final class Service {
  let process: Subprocess

  init(_ product: String, _ arguments: [String], _ environment: [String: String]) throws {
    process = try Subprocess(builtProduct(product), arguments, environment: environment)
  }

  deinit { process.signal(9) }

  /// Lines of an event so far.
  func lines(_ event: String) -> [[String: any Sendable]] {
    logLines(of: event, in: process.output)
  }

  /// The port that the log names; nil before.
  private var knownPort: Int?
  var port: Int? {
    if knownPort == nil { knownPort = lines("started").first?["port"] as? Int }
    return knownPort
  }
}
