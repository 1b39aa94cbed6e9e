import KafkaClient
import TestSupport
import Testing
import Threads

@Suite struct AdminTests {
  let stack: LocalStack

  init() throws { stack = try LocalStack.shared([.kafka]) }

  @Test(.timeLimit(.minutes(1)))
  func aTopicIsMadeOnceWithTheConfiguredPartitions() throws {
    let topic = try stack.freshTopic(partitions: 6)
    let first = try KafkaAdmin.ensureTopic(
      stack.kafka, name: topic, partitions: 6, replication: 1,
      configuration: ["min.insync.replicas": "1"])
    // The mock cluster takes no topics from its clients; there it exists already.
    #expect(first == (stack.isRealKafka ? .created : .existing))
    let second = try KafkaAdmin.ensureTopic(
      stack.kafka, name: topic, partitions: 6, replication: 1)
    #expect(second == .existing)
    #expect(try KafkaAdmin.partitionCount(stack.kafka, name: topic) == 6)
  }

  @Test(.timeLimit(.minutes(1)))
  func anotherNumberOfPartitionsIsRefusedNamingBoth() throws {
    let topic = try stack.makeTopic(partitions: 3)
    let error = #expect(throws: KafkaError.self) {
      try KafkaAdmin.ensureTopic(stack.kafka, name: topic, partitions: 5, replication: 1)
    }
    #expect(error?.message.contains("3 partitions") == true)
    #expect(error?.message.contains("5;") == true)
    #expect(error?.isRetriable == false)
  }

  @Test(
    .timeLimit(.minutes(1)),
    .enabled(
      if: try LocalStack.shared([.kafka]).isRealKafka,
      "needs a real Kafka, the mock cluster does not do this: set KAFKA_HOME"))
  func aTopicThatIsNotThereIsNotMadeByAsking() throws {
    for _ in 0..<2 {
      let error = #expect(throws: KafkaError.self) {
        try KafkaAdmin.partitionCount(stack.kafka, name: "test.nowhere", timeoutMs: 5_000)
      }
      #expect(error?.code == "UNKNOWN_TOPIC_OR_PART")
    }
  }

  @Test(
    .timeLimit(.minutes(1)),
    .enabled(
      if: try LocalStack.shared([.kafka]).isRealKafka,
      "needs a real Kafka, the mock cluster does not do this: set KAFKA_HOME"))
  func whatTheBrokerRefusesIsSaid() throws {
    let topic = try stack.freshTopic()
    let error = #expect(throws: KafkaError.self) {
      try KafkaAdmin.ensureTopic(stack.kafka, name: topic, partitions: 1, replication: 3)
    }
    #expect(error?.code == "INVALID_REPLICATION_FACTOR")
    let misconfigured = #expect(throws: KafkaError.self) {
      try KafkaAdmin.ensureTopic(
        stack.kafka, name: topic, partitions: 1, replication: 1,
        configuration: ["min.insync.replicas": "none"])
    }
    #expect(misconfigured?.code == "INVALID_CONFIG")
  }

  @Test(.timeLimit(.minutes(1)))
  func theEndOfEachPartitionIsKnown() throws {
    let topic = try stack.makeTopic(partitions: 4)
    #expect(
      try KafkaAdmin.endOffsets(stack.kafka, topic: topic, partitions: 4)
        == [0: 0, 1: 0, 2: 0, 3: 0])
    try stack.produce(0..<10, to: topic)
    #expect(
      try KafkaAdmin.endOffsets(stack.kafka, topic: topic, partitions: 4)
        == [0: 3, 1: 3, 2: 2, 3: 2])
    let start = MonotonicTime.now
    let error = #expect(throws: KafkaError.self) {
      try KafkaAdmin.endOffsets(stack.kafka, topic: topic, partitions: 6, timeoutMs: 2_000)
    }
    #expect(error?.message.contains("partition 4") == true)
    #expect(MonotonicTime.now.microseconds(since: start) < 5_000_000)
  }

  @Test(.timeLimit(.minutes(1)))
  func withoutABrokerLookingKeepsItsTime() throws {
    let nowhere = KafkaSettings(bootstrap: "127.0.0.1:1", clientId: "test")
    let start = MonotonicTime.now
    let offsets = #expect(throws: KafkaError.self) {
      try KafkaAdmin.endOffsets(nowhere, topic: "t", partitions: 64, timeoutMs: 1_000)
    }
    #expect(offsets?.isRetriable == true)
    let configuration = #expect(throws: KafkaError.self) {
      try KafkaAdmin.topicConfiguration(nowhere, name: "t", timeoutMs: 1_000)
    }
    #expect(configuration?.isRetriable == true)
    #expect(MonotonicTime.now.microseconds(since: start) < 8_000_000)
  }

  @Test(.timeLimit(.minutes(1)))
  func aTopicsConfigurationIsToldOrRefusedAtOnce() throws {
    let topic = try stack.freshTopic(partitions: 1)
    _ = try KafkaAdmin.ensureTopic(
      stack.kafka, name: topic, partitions: 1, replication: 1,
      configuration: ["retention.ms": "86400000"])
    let start = MonotonicTime.now
    if stack.isRealKafka {
      let configuration = try KafkaAdmin.topicConfiguration(stack.kafka, name: topic)
      #expect(configuration["retention.ms"] == "86400000")
      #expect(configuration["cleanup.policy"] == "delete")
      #expect(configuration["min.insync.replicas"] == "1")
      #expect(configuration["unclean.leader.election.enable"] == "false")
    } else {
      let error = #expect(throws: KafkaError.self) {
        try KafkaAdmin.topicConfiguration(stack.kafka, name: topic)
      }
      #expect(error?.code == "_UNSUPPORTED_FEATURE")
      #expect(error?.isRetriable == false)
    }
    #expect(MonotonicTime.now.microseconds(since: start) < 5_000_000)
  }
}
