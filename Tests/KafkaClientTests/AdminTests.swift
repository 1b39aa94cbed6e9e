import KafkaClient
import TestSupport
import Testing

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
}
