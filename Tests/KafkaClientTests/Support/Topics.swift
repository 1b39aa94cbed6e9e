import KafkaClient
import TestSupport
import Testing
import Threads

extension LocalStack {
  var kafka: KafkaSettings { KafkaSettings(bootstrap: kafkaBootstrap, clientId: "test") }

  /// A topic of the test's own; made if the cluster lets its clients do that.
  func makeTopic(partitions: Int = 4) throws -> String {
    let topic = try freshTopic(partitions: partitions)
    _ = try KafkaAdmin.ensureTopic(
      kafka, name: topic, partitions: Int32(partitions), replication: 1)
    return topic
  }

  /// Writes messages with these numbers as their values, spread over the partitions.
  func produce(_ ids: Range<Int>, to topic: String, partitions: Int32 = 4) throws {
    let served = try ServedProducer(kafka, topic: topic)
    for id in ids {
      #expect(served.send(id, partition: Int32(id) % partitions) == .queued)
    }
    #expect(served.producer.flush(until: .after(ms: 60_000)))
    served.stop()
    #expect(Set(served.deliveries.map(\.id)) == Set(ids))
    #expect(served.deliveries.allSatisfy { Place($0.result) != nil })
  }

  func consumer(
    of topic: String, group: String, sessionTimeoutMs: Int = 6_000, maxPollIntervalMs: Int = 6_000
  ) throws -> KafkaConsumer {
    try KafkaConsumer(
      kafka, topic: topic, group: group, sessionTimeoutMs: sessionTimeoutMs,
      maxPollIntervalMs: maxPollIntervalMs)
  }
}

extension KafkaMessage {
  /// The number that `produce` wrote.
  var id: Int? {
    Int(String(decoding: value ?? [], as: UTF8.self).prefix { $0 != " " })
  }
}

extension KafkaConsumer {
  /// Polls until the group has given partitions; they are not assigned yet.
  func awaitPartitions(withinMs limitMs: Int = 30_000) -> [Int32]? {
    let deadline = MonotonicTime.after(ms: limitMs)
    while deadline > .now {
      _ = poll(limit: 10, until: .after(ms: 100))
      for case .assigned(let partitions) in takeEvents() { return partitions }
    }
    return nil
  }

  /// Polls until `count` messages have come, or the time is over.
  func read(_ count: Int, withinMs limitMs: Int = 30_000) -> [KafkaMessage] {
    let deadline = MonotonicTime.after(ms: limitMs)
    var messages: [KafkaMessage] = []
    while messages.count < count && deadline > .now {
      messages += poll(limit: 500, until: .after(ms: 100))
    }
    return messages
  }
}
