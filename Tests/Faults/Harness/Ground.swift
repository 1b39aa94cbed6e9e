import Foundation
import TestSupport
import Threads

/// The servers under a round. One after the other many rounds use the same, each with a database and topics of its own and an
/// emptied Redis.
final class Ground {
  enum Kind: String, Sendable, CaseIterable {
    /// One broker of a real Kafka, with a detour to it.
    case single
    /// Three brokers, whose links can be cut.
    case brokers
    /// librdkafka's mock cluster.
    case mock
  }

  let kind: Kind
  let stack: LocalStack
  /// Of `brokers` alone.
  let brokers: KafkaBrokers?
  /// Where the Redis is that the sale is on: the stack's, or a replica that has taken over.
  var redisPort: Int {
    get { redisPortNow.withLock { $0 } }
    set { redisPortNow.withLock { $0 = newValue } }
  }
  private let redisPortNow: Lock<Int>
  private var rounds = 0
  /// Topics pile up: after so many rounds the servers are started anew.
  private static let roundLimit = 40

  init(_ kind: Kind) throws {
    self.kind = kind
    brokers = kind == .brokers ? try KafkaBrokers.start(with: [.redis, .postgres]) : nil
    stack =
      switch kind {
      case .single: try LocalStack.startWithDetour()
      case .brokers: brokers!.stack
      case .mock: try LocalStack.startOnMock()
      }
    redisPortNow = Lock(stack.redisPort)
    guard stack.isRealKafka == (kind != .mock) else {
      throw TestSupportError("the proof needs a real Kafka: set KAFKA_HOME")
    }
  }

  deinit { end() }

  func end() {
    if let brokers { brokers.end() } else { stack.end() }
  }

  /// Whether it has served its time: the mock cluster after each round, for it starts at once and keeps what it was told.
  var isWornOut: Bool { rounds >= (kind == .mock ? 1 : Self.roundLimit) }

  /// Everything as at the beginning, whatever the round before has done to it.
  func reset() throws {
    rounds += 1
    redisPort = stack.redisPort
    try resetSettings()
    try stack.flushRedis()
    try stack.redis("script", "flush")
  }

  /// The servers' settings as at the beginning; their data stay.
  func resetSettings() throws {
    try resetRedis()
    try resetPostgres()
  }

  func resetRedis() throws {
    if try stack.redis("role").hasPrefix("slave") { try stack.redis("replicaof", "no", "one") }
    try stack.setMoreRedisSettings("")
    try stack.redis(
      "config", "set", "maxmemory", "0", "appendfsync", "everysec", "busy-reply-threshold", "5000",
      "key-load-delay", "0")
  }

  func resetPostgres() throws {
    try Subprocess.run(
      "psql",
      [
        "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", stack.postgresURL, "-o", "/dev/null",
        "-c", "ALTER SYSTEM RESET ALL", "-c", "SELECT pg_reload_conf()",
      ])
  }
}
