import Foundation
import Glibc
import KafkaClient
import PostgresClient
import RedisClient
import Stock
import TestSupport

@testable import StockSyncWorker

/// A deployment of a test's own on a stack: databases, topics, group. Its activities are open in Redis, too.
struct Deployment {
  let stack: LocalStack
  let tables: Tables
  let topic: String
  let redis: RedisEndpoint
  var environment: [String: String]

  init(_ stack: LocalStack, activities: [Int64: Int64], partitions: Int = 4) throws {
    self.stack = stack
    topic = try stack.freshTopic(partitions: partitions)
    tables = try Tables(stack, activities: activities, topic: topic)
    environment = stack.serviceEnvironment
    environment["SLIDING_STOCK_POSTGRES_CONNECTION"] = tables.settings.connection
    environment["SLIDING_STOCK_KAFKA_TOPIC"] = topic
    environment["SLIDING_STOCK_KAFKA_CONTROL_TOPIC"] = try stack.freshTopic(partitions: 1)
    redis = RedisEndpoint(socket: stack.redisSocket, database: try stack.freshRedisDatabase())
    environment["SLIDING_STOCK_REDIS_DATABASE"] = "\(redis.database)"
    environment["SLIDING_STOCK_KAFKA_GROUP"] = "group-of-\(topic)"
    environment["SLIDING_STOCK_KAFKA_PARTITIONS"] = "\(partitions)"
    environment["SLIDING_STOCK_STATS_INTERVAL_MS"] = "200"
    environment["SLIDING_STOCK_KAFKA_SESSION_TIMEOUT_MS"] = "6000"
    _ = try KafkaAdmin.ensureTopic(
      kafka, name: topic, partitions: Int32(partitions), replication: 1)
    try openInRedis(activities.keys)
  }

  private func openInRedis(_ activities: some Collection<Int64>) throws {
    let stock = try RedisStock(redis)
    let store = ActivityStore(connection: try PostgresConnection(tables.settings))
    for id in activities.compactMap({ ActivityID($0) }) {
      _ = try stock.preheat(try store.read(id)!, epoch: 1, mayBootstrap: true)
      guard try stock.open(id, epoch: 1).word == "opened" else {
        throw TestSupportError("activity \(id) was not opened in Redis")
      }
    }
  }

  var kafka: KafkaSettings { KafkaSettings(bootstrap: stack.kafkaBootstrap, clientId: "test") }

  func worker(_ arguments: [String] = [], _ more: [String: String] = [:]) throws -> WorkerProcess {
    try WorkerProcess(
      ["run"] + arguments, environment.merging(more) { $1 })
  }

  /// Sum over all partitions of the next offset to apply.
  func appliedOffsets() throws -> Int64 {
    try tables.number(
      "SELECT coalesce(sum(next), 0)::bigint FROM consumer_offset WHERE topic = '\(topic)'")
  }
}

/// One `StockSyncWorker run`, and what it logs.
final class WorkerProcess {
  let process: Subprocess

  init(_ arguments: [String], _ environment: [String: String]) throws {
    process = try Subprocess(
      try builtProduct("StockSyncWorker"), arguments, environment: environment)
  }

  /// Its log lines with that event, as dictionaries.
  func events(_ name: String) -> [[String: Any]] {
    logLines(of: name, in: process.output)
  }

  /// Member id and generation of its newest stats line.
  var membership: String {
    guard let stats = events("stats").last else { return "" }
    return "\(stats["member"] ?? "") \(stats["generation"] ?? "")"
  }

  /// It is a member, has partitions and reads them.
  var isReading: Bool {
    guard let stats = events("stats").last else { return false }
    return stats["phase"] as? String == "reading" && stats["member"] as? String != ""
      && stats["generation"] as? Int ?? -1 > 0
  }
}

/// Puts payloads into a topic, each acknowledged.
final class Publisher {
  private final class Ticket: Sendable {}
  private let producer: KafkaProducer<Ticket>
  private(set) var published: Int64 = 0

  init(_ deployment: Deployment) throws {
    producer = try KafkaProducer(
      deployment.kafka, topic: deployment.topic, queueLimit: 10_000, messageTimeoutMs: 60_000)
  }

  func publish(_ events: [StockEvent]) throws {
    for event in events { try send(event.encoded(), key: event.key, partition: nil) }
    try settle()
  }

  func publish(_ payload: String, partition: Int32) throws {
    try send(Array(payload.utf8), key: Array("key".utf8), partition: partition)
    try settle()
  }

  private func send(_ value: [UInt8], key: [UInt8], partition: Int32?) throws {
    while true {
      switch producer.send(key: key, value: value, partition: partition, ticket: Ticket()) {
      case .queued: return
      case .queueFull: try take()
      case .failed(let error): throw error
      }
    }
  }

  private func settle() throws {
    while producer.outstanding > 0 { try take() }
  }

  private func take() throws {
    for delivery in producer.poll(timeoutMs: 100) {
      guard case .acknowledged = delivery.result else {
        throw TestSupportError("a message was not acknowledged: \(delivery.result)")
      }
      published += 1
    }
  }
}
