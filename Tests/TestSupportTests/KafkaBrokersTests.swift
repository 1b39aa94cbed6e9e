import Glibc
import TestSupport
import Testing

/// Each fault of a leader is one, and a leader that was cut off serves old data and acknowledges nothing.
@Suite(
  .serialized,
  .enabled(if: KafkaBrokers.canStart, "needs three brokers of a real Kafka: set KAFKA_HOME"))
struct KafkaBrokersTests {
  /// On one cluster, for it takes 12 s to start.
  @Test func whatALeaderMayDo() throws {
    let brokers = try KafkaBrokers.start()
    defer { brokers.end() }
    try isCutOff(brokers, topic: "test.cut-off")
    try isReplaced(brokers, topic: "test.replaced")
    // A paused broker does not outlive the stack either.
    try brokers.pause(2)
    brokers.end()
    #expect(access(brokers.stack.directory, F_OK) == -1)
  }

  private func isCutOff(_ brokers: KafkaBrokers, topic: String) throws {
    let all = brokers.stack.kafkaBootstrap
    let old = try makeTopic(topic, brokers)
    #expect(produce("before", to: topic, all))
    brokers.cutOff(old)
    let new = try brokers.awaitLeader(of: topic, otherThan: old)
    // It has not heard of it.
    #expect(brokers.leader(of: topic, askedOf: old) == old)
    #expect(produce("after", to: topic, brokers.bootstrap(new)))
    #expect(try messages(topic, brokers.bootstrap(new)) == ["before", "after"])

    // A client that reaches nobody else.
    for id in KafkaBrokers.ids where id != old { brokers.closeDetour(id) }
    #expect(try messages(topic, brokers.detour(old)) == ["before"])
    #expect(!produce("never", to: topic, brokers.detour(old)))

    brokers.reconnect(old)
    #expect(eventually(within: 30, everyMs: 200) { brokers.leader(of: topic, askedOf: old) == new })
    for id in KafkaBrokers.ids { brokers.openDetour(id) }
    #expect(try messages(topic, brokers.detour(old)) == ["before", "after"])
    #expect(produce("late", to: topic, brokers.detour))
    #expect(try messages(topic, all) == ["before", "after", "late"])
  }

  private func isReplaced(_ brokers: KafkaBrokers, topic: String) throws {
    var leader = try makeTopic(topic, brokers)
    var written: [String] = []
    for (name, end, begin) in [
      ("killed", brokers.kill, brokers.restart), ("paused", brokers.pause, brokers.resume),
      ("stopped", brokers.stop, brokers.restart),
    ] {
      try end(leader)
      let new = try brokers.awaitLeader(of: topic, otherThan: leader)
      #expect(produce(name, to: topic, brokers.bootstrap(new)))
      written.append(name)
      try begin(leader)
      #expect(try messages(topic, brokers.stack.kafkaBootstrap) == written)
      leader = new
    }
  }

  /// One partition, three replicas; its leader.
  private func makeTopic(_ topic: String, _ brokers: KafkaBrokers) throws -> Int {
    let home = try #require(getenv("KAFKA_HOME").map { String(cString: $0) })
    try Subprocess.run(
      home + "/bin/kafka-topics.sh",
      [
        "--bootstrap-server", brokers.stack.kafkaBootstrap, "--create", "--topic", topic,
        "--partitions", "1", "--replication-factor", "3", "--config", "min.insync.replicas=2",
      ])
    return try #require(brokers.leader(of: topic))
  }

  /// Whether the message was acknowledged by all in-sync replicas.
  private func produce(_ text: String, to topic: String, _ bootstrap: String) -> Bool {
    let script = "echo \(text) | kcat -P -b \(bootstrap) -t \(topic) -X acks=all"
    let run = try? Subprocess.run("sh", ["-c", script + " -X message.timeout.ms=6000"])
    return run != nil
  }

  private func messages(_ topic: String, _ bootstrap: String) throws -> [String] {
    try Subprocess.run(
      "kcat", ["-C", "-q", "-e", "-b", bootstrap, "-t", topic, "-o", "beginning"], within: 30
    ).split(separator: "\n").map(String.init)
  }
}
