import Foundation
import KafkaClient
import TestSupport
import Testing

@testable import Checker

/// What the stores hold comes into the folder as it is, whatever its bytes.
@Suite struct CollectTests {
  @Test func weirdBytesAreReadRightly() throws {
    let stack = try LocalStack.shared()
    let database = try stack.freshRedisDatabase()
    let postgres = try stack.freshDatabase()
    let topic = try stack.freshTopic(partitions: 2)
    let control = try stack.freshTopic(partitions: 1)
    let kafka = KafkaSettings(bootstrap: stack.kafkaBootstrap, clientId: "test")
    for (name, partitions) in [(topic, Int32(2)), (control, 1)] {
      _ = try KafkaAdmin.ensureTopic(kafka, name: name, partitions: partitions, replication: 1)
    }
    let folder = NSTemporaryDirectory() + "collect ' \(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }

    try fillRedis(stack, database)
    try fillPostgres(stack, postgres, topic)
    let poison: [UInt8] = [0x0a, 0x00, 0xff, 0x22, 0x5c, 0xc3, 0x0a, 0x30, 0x20, 0x31]
    try produce(
      stack, topic, [("k\u{1}", poison), ("none", nil), ("7_1", Array("plain".utf8))], folder)
    try produce(stack, control, [("epoch-2", Array(#"{"type":"epoch","epoch":2}"#.utf8))], folder)

    let places = Places(
      redisPort: stack.redisPort, redisDatabase: database, postgres: postgres,
      kafka: stack.kafkaBootstrap, topic: topic, controlTopic: control, activities: [7])
    try collect(into: folder, from: places)

    let redis = try RedisState(folder: folder + "/redis", activity: 7)
    #expect(redis.locks[1]?.owner == Owner(user: "a~\u{0}\n\"\\é", request: "r,1"))
    #expect(redis.entries.map(\.owner) == [Owner(user: "~\n", request: "r1")])
    #expect(redis.free == ["2", "1"])
    #expect(redis.outbox == 1)
    #expect(redis.isListed)

    let state = try PostgresState(folder: folder + "/postgres")
    #expect(state.epoch == 3)
    #expect(
      state.claims[Slot(activity: 7, number: 1)]?.owner == Owner(user: "~,\"\n", request: ""))
    #expect(state.letters.map(\.payload) == [poison, nil, []])
    #expect(state.letters.map(\.isResolved) == [false, true, false])
    #expect(state.positions == [0: Position(next: 4, barrier: 3)])

    let dump = try TopicDump(path: folder + "/topic.events")
    #expect(dump.records.count == 3)
    #expect(dump.records.contains { $0.payload == poison && $0.key == Array("k\u{1}".utf8) })
    #expect(dump.records.contains { $0.payload == Array("plain".utf8) })
    #expect(dump.records.contains { $0.payload == nil && $0.key == Array("none".utf8) })
    #expect(ControlTopic(try TopicDump(path: folder + "/topic.control")).epochs == [2])
  }

  @Test func whatCannotBeReadThrows() throws {
    let stack = try LocalStack.shared()
    let folder = NSTemporaryDirectory() + "collect-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let empty = try stack.freshDatabase()  // Without tables.
    func places(redisPort: Int) -> Places {
      Places(
        redisPort: redisPort, redisDatabase: 0, postgres: empty, kafka: stack.kafkaBootstrap,
        topic: "none", controlTopic: "none", activities: [7])
    }
    #expect(throws: Unreadable.self) { try collect(into: folder, from: places(redisPort: 1)) }
    #expect(throws: Unreadable.self) {
      try collect(into: folder, from: places(redisPort: stack.redisPort))
    }
  }

  private func fillRedis(_ stack: LocalStack, _ database: Int) throws {
    let script = """
      redis.call('SADD', 'stock:activities', '7')
      redis.call('HSET', 'stock:fence', 'epoch', '1')
      redis.call('HSET', 'stock:{7}', 'total', '2')
      redis.call('HSET', 'stock:{7}:locks', '1', 'a~\\0\\n"\\\\é r,1 5 1')
      redis.call('HSET', 'stock:{7}:users', '~\\n', 'r1:1:5')
      redis.call('RPUSH', 'stock:{7}:free', '2', '1')
      redis.call('XADD', 'stock:{7}:outbox', '5-0', 'd', '1 a\\n2 b')
      return 'OK'
      """
    try Subprocess.run(
      "redis-cli",
      ["-e", "-p", "\(stack.redisPort)", "-n", "\(database)", "EVAL", script, "0"])
  }

  private func fillPostgres(_ stack: LocalStack, _ database: String, _ topic: String) throws {
    var environment = stack.serviceEnvironment
    environment["SLIDING_STOCK_POSTGRES_CONNECTION"] = database
    try Subprocess.run(
      try builtProduct("StockSyncWorker"), ["migrate"], environment: environment)
    let script = """
      UPDATE deployment SET epoch = 3;
      INSERT INTO claim (activity, slot, seq, state, usr, request, epoch, event_at)
        VALUES (7, 1, 5, 'claimed', E'~,"\\n', '', 1, now());
      INSERT INTO consumer_offset VALUES ('\(topic)', 0, 4, 3);
      INSERT INTO dead_letter (topic, partition, "offset", payload, reason, detail, replayed_at, resolved_by) VALUES
        ('\(topic)', 0, 1, '\\x0a00ff225cc30a302031', 'malformed', E',\\n', NULL, NULL),
        ('\(topic)', 0, 2, NULL, 'malformed', '', now(), 'me'),
        ('\(topic)', 0, 3, '', 'malformed', '', NULL, NULL);
      """
    try Subprocess.run("psql", ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", script])
  }

  /// Each value out of a file of its own, for kcat takes lines otherwise; what is empty is made none.
  private func produce(
    _ stack: LocalStack, _ topic: String, _ messages: [(key: String, payload: [UInt8]?)],
    _ folder: String
  ) throws {
    for (key, payload) in messages {
      let file = folder + "/payload"
      try Data(payload ?? Array("\(key):\n".utf8)).write(to: URL(fileURLWithPath: file))
      let words = ["-P", "-b", stack.kafkaBootstrap, "-t", topic]
      try Subprocess.run(
        "kcat", words + (payload == nil ? ["-Z", "-K", ":", "-l", file] : ["-k", key, file]))
    }
  }
}
