import C11Threads
import KafkaClient
import Testing

@Suite struct SettingsTests {
  @Test func theSanitizerSeesTheThreadsOfLibrdkafka() {
    #expect(c11_threads_are_interposed() == 1)
  }

  @Test(arguments: [
    "acks", "request.required.acks", "topic.acks", "partitioner", "enable.idempotence",
    "transactional.id", "partition.assignment.strategy", "enable.auto.commit",
    "auto.commit.enable", "enable.auto.offset.store", "auto.offset.reset",
    "topic.auto.offset.reset", "group.instance.id", "group.id", "bootstrap.servers",
    "metadata.broker.list", "delivery.report.only.error", "message.timeout.ms",
    "queue.buffering.max.messages", "test.mock.num.brokers", "allow.auto.create.topics",
    "offset.store.method", "statistics.interval.ms", "log.queue",
  ])
  func aProtectedPropertyIsRefusedByName(_ name: String) {
    let settings = KafkaSettings(
      bootstrap: "127.0.0.1:1", clientId: "test", properties: [name: "1"])
    let error = #expect(throws: KafkaError.self) {
      try KafkaProducer<Ticket>(
        settings, topic: "t", queueLimit: 1, messageTimeoutMs: 1_000, warmUpMs: 0)
    }
    #expect(error?.message.contains(" \(name) ") == true)
    #expect(throws: KafkaError.self) {
      try KafkaConsumer(
        settings, topic: "t", group: "g", sessionTimeoutMs: 6_000, maxPollIntervalMs: 6_000)
    }
    #expect(throws: KafkaError.self) { try settings.refuseProtectedProperties() }
  }

  @Test func anUnknownPropertyIsRefusedByName() {
    let settings = KafkaSettings(
      bootstrap: "127.0.0.1:1", clientId: "test", properties: ["no.such.thing": "secret"])
    let error = #expect(throws: KafkaError.self) {
      try KafkaAdmin.partitionCount(settings, name: "t", timeoutMs: 100)
    }
    #expect(error?.message.contains("no.such.thing") == true)
    #expect(error?.description.contains("secret") == false)
  }

  @Test func aWrongValueIsRefusedWithoutShowingIt() {
    let settings = KafkaSettings(
      bootstrap: "127.0.0.1:1", clientId: "test", properties: ["security.protocol": "hunter2"])
    let error = #expect(throws: KafkaError.self) {
      try KafkaAdmin.partitionCount(settings, name: "t", timeoutMs: 100)
    }
    #expect(error?.message.contains("security.protocol") == true)
    #expect(error?.description.contains("hunter2") == false)
  }

  @Test func tlsAndSaslPropertiesAreTaken() throws {
    let settings = KafkaSettings(
      bootstrap: "127.0.0.1:1", clientId: "test",
      properties: [
        "security.protocol": "SASL_SSL", "sasl.mechanisms": "PLAIN", "sasl.username": "u",
        "sasl.password": "p", "compression.type": "zstd",
      ])
    let producer = try KafkaProducer<Ticket>(
      settings, topic: "t", queueLimit: 1, messageTimeoutMs: 1_000, warmUpMs: 0)
    #expect(!producer.isConnected)
    producer.close()
  }

  @Test func noBrokersIsAnErrorThatSaysSo() {
    let error = #expect(throws: KafkaError.self) {
      try KafkaAdmin.partitionCount(
        KafkaSettings(bootstrap: "", clientId: "test"), name: "t", timeoutMs: 100)
    }
    #expect(error?.message.contains("bootstrap") == true)
  }

  @Test func anUnreachableBrokerIsARetriableError() {
    let error = #expect(throws: KafkaError.self) {
      try KafkaAdmin.partitionCount(
        KafkaSettings(bootstrap: "127.0.0.1:1", clientId: "test"), name: "t", timeoutMs: 300)
    }
    #expect(error?.isRetriable == true)
    #expect(error?.isFatal == false)
  }
}
