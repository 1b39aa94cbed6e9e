import Configuration
import Glibc
import KafkaClient
import PostgresClient
import RedisClient
import Stock
import StockRecords
import TestSupport

@testable import StockSyncWorker

/// Redis, Postgres and Kafka with one activity, into which tests plant what should not be.
///
/// All events go to partition 0, so that what is applied is known without a worker; the worker reads the same topic.
final class ReconcileScene {
  static let epoch: Int64 = 3

  let deployment: Deployment
  let redis: RedisConnection
  let endpoint: RedisEndpoint
  let id: ActivityID
  let keys: RedisKeys
  private let publisher: Publisher
  private var topic = Topic(partitions: 1)
  private var unapplied: [StreamMessage] = []
  private let identity: ServerIdentity

  init(total: Int64 = 100, id number: Int64 = 1) throws {
    let stack = try LocalStack.shared()
    var deployment = try Deployment(stack, activities: [number: total])
    let database = try stack.freshRedisDatabase()
    deployment.environment["SLIDING_STOCK_REDIS_DATABASE"] = "\(database)"
    deployment.environment["SLIDING_STOCK_RECONCILE_WAIT_MS"] = "5000"
    self.deployment = deployment
    endpoint = RedisEndpoint(
      socket: stack.redisSocket, database: database, commandTimeoutMs: 30_000)
    redis = try RedisConnection(endpoint)
    id = ActivityID(number)!
    keys = RedisKeys(id)
    publisher = try Publisher(deployment)
    identity = ServerIdentity(try redis.pipeline([ServerIdentity.command])[0])!
    try PostgresConnection(deployment.tables.settings).execute(
      "UPDATE deployment SET epoch = \(Self.epoch)")
    try fence("\(Self.epoch)")
    try list(id, total: total)
  }

  // MARK: Redis

  @discardableResult
  func run(_ words: String...) throws -> RedisReply {
    var command = RedisCommand(words[0])
    for word in words.dropFirst() { command.append(word) }
    let reply = try redis.pipeline([command])[0]
    if let error = reply.error { throw error }
    return reply
  }

  func fence(_ epoch: String) throws {
    try run("HSET", RedisKeys.fence, "epoch", epoch, "fence", identity.description)
  }

  func list(_ id: ActivityID, total: Int64, closesMs: Int64 = 4_000_000_000_000) throws {
    try run("SADD", RedisKeys.activities, id.description)
    try run(
      "HSET", RedisKeys(id).stock, "total", "\(total)", "used", "0", "seq", "1000", "locks", "0",
      "outbox", "0", "opens", "1", "closes", "\(closesMs)", "limit", "3", "state", "open", "epoch",
      "\(Self.epoch)", "fence", identity.description)
  }

  func lock(_ slot: Int64, _ user: String, _ seq: Int64, _ request: String = "r", mark: String = "")
    throws
  {
    try run(
      "HSET", keys.locks, "\(slot)", "\(user) \(request) \(seq) \(Self.epoch)\(mark)")
  }

  func record(_ user: String, _ text: String) throws { try run("HSET", keys.users, user, text) }

  /// An outbox entry with one event.
  func outbox(_ seq: Int64, _ kind: String, _ slot: Int64, _ user: String, _ request: String = "r")
    throws
  {
    try run(
      "XADD", keys.outbox, "\(seq)-0", "f", "\(seq)", "k", kind, "e", "\(Self.epoch)", "t", "5",
      "d", "\(slot) \(user) \(request)")
  }

  /// Notes how many locks and entries there are.
  func count() throws {
    let locks = try run("HLEN", keys.locks).int!
    let entries = try run("XLEN", keys.outbox).int!
    try run("HSET", keys.stock, "locks", "\(locks)", "outbox", "\(entries)")
  }

  /// Everything that the activity's keys hold.
  func dump() throws -> [RedisReply] {
    [
      try run("HGETALL", keys.stock), try run("HGETALL", keys.locks),
      try run("HGETALL", keys.users), try run("LRANGE", keys.free, "0", "-1"),
      try run("XRANGE", keys.outbox, "-", "+"),
    ]
  }

  // MARK: Kafka and Postgres

  func claimed(_ slot: Int64, _ user: String, _ seq: Int64, _ request: String = "r") -> StockEvent {
    event(
      .claimed, activity: id.value, slot: slot, seq: seq, epoch: Self.epoch, user: user,
      request: request)
  }

  func released(_ slot: Int64, _ user: String, _ seq: Int64, _ request: String = "r") -> StockEvent
  {
    event(
      .released, activity: id.value, slot: slot, seq: seq, epoch: Self.epoch, user: user,
      request: request)
  }

  func publish(_ events: [StockEvent]) throws {
    for event in events {
      try publisher.publish(String(decoding: event.encoded(), as: UTF8.self), partition: 0)
      unapplied.append(topic.message(event.encoded(), key: event.key, partition: 0))
    }
  }

  /// What a worker would do with what was published.
  func apply() throws {
    var random = Seeded(1)
    if !unapplied.isEmpty { try deployment.tables.apply(unapplied, using: &random) }
    unapplied.removeAll()
  }

  /// Slots that both sides hold, by their own users, with their number as seq.
  func hold(_ slots: ClosedRange<Int64>) throws {
    for slot in slots {
      try lock(slot, "u\(slot)", slot)
      try record("u\(slot)", "\(slot)")
    }
    try publish(slots.map { claimed($0, "u\($0)", $0) })
    try apply()
    try count()
  }

  // MARK: Reconciling

  func settings(_ change: (inout ReconcileSettings) -> Void = { _ in }) throws -> ReconcileSettings
  {
    var settings = try ReconcileSettings(
      try Configuration(
        scope: .worker, options: [], arguments: [], environment: deployment.environment),
      role: "test")
    change(&settings)
    return settings
  }

  func reconcile(
    repair: Bool = false, only: ActivityID? = nil,
    change: (inout ReconcileSettings) -> Void = { _ in }
  ) throws -> ReconcileReport {
    try run(try settings(change), repair, only) { ms in
      usleep(UInt32(ms) * 1_000)
      return true
    }
  }

  /// With repairs; `pause` is called between its steps, and with more than 0 while it waits for Postgres.
  func reconcile(
    change: (inout ReconcileSettings) -> Void = { _ in }, during pause: @escaping (Int) -> Bool
  ) throws -> ReconcileReport {
    try run(try settings(change), true, nil, pause)
  }

  private func run(
    _ settings: ReconcileSettings, _ repairs: Bool, _ only: ActivityID?,
    _ pause: @escaping (Int) -> Bool
  ) throws -> ReconcileReport {
    var firstSeen = Reconciler.FirstSeen()
    return Reconciler(
      settings: settings,
      postgres: PostgresSide(
        topic: settings.topic, connection: try PostgresConnection(settings.postgres)),
      redis: try RedisSide(settings.redis), repairs: repairs, pause: pause
    ).run(only: only, firstSeen: &firstSeen)
  }

  func ends() throws -> [Int32: Int64] {
    try KafkaAdmin.endOffsets(deployment.kafka, topic: deployment.topic, partitions: 4)
  }
}

extension ReconcileReport {
  /// "kind slot" of each finding, in order of the slots.
  var named: [String] {
    findings.sorted { ($0.difference.slot ?? 0) < ($1.difference.slot ?? 0) }
      .map { "\($0.difference.kind.rawValue) \($0.difference.slot ?? 0)" }
  }

  /// The same of those that were repaired.
  var mended: [String] {
    findings.filter { if case .done = $0.repair { true } else { false } }
      .sorted { ($0.difference.slot ?? 0) < ($1.difference.slot ?? 0) }
      .map { "\($0.difference.kind.rawValue) \($0.difference.slot ?? 0)" }
  }
}
