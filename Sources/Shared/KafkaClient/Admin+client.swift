import CRdKafka
import Glibc
import Threads

/// A client of the consumer's kind, because those never make a topic by asking for it.
struct AdminClient: ~Copyable {
  struct Topic {
    let partitions: Int32
    /// Each partition has a leader.
    let isReady: Bool
  }

  private let client: OpaquePointer

  init(_ settings: KafkaSettings) throws(KafkaError) {
    let configuration = try Configuration.make(settings, .common(settings))
    // Its log lines stay in a queue that nobody reads; each failed call says why.
    client = try configuration.makeClient(RD_KAFKA_CONSUMER)
  }

  deinit { rd_kafka_destroy(client) }

  /// What the brokers say of the topic; nil when they don't know it.
  func topic(_ name: String, until deadline: MonotonicTime) throws(KafkaError) -> Topic? {
    guard let topic = rd_kafka_topic_new(client, name, nil) else {
      throw KafkaError(rd_kafka_last_error())
    }
    defer { rd_kafka_topic_destroy(topic) }
    var metadata: UnsafePointer<rd_kafka_metadata>?
    let error = rd_kafka_metadata(
      client, 0, topic, &metadata, Int32(clamping: max(1, deadline.remainingMs)))
    guard error == RD_KAFKA_RESP_ERR_NO_ERROR, let metadata else { throw KafkaError(error) }
    defer { rd_kafka_metadata_destroy(metadata) }
    guard metadata.pointee.topic_cnt == 1 else { return nil }
    return try Self.topic(metadata.pointee.topics[0])
  }

  private static func topic(_ answer: rd_kafka_metadata_topic) throws(KafkaError) -> Topic? {
    let count = answer.partition_cnt
    switch answer.err {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC: return nil
    case RD_KAFKA_RESP_ERR_NO_ERROR:
      let led = (0..<Int(count)).allSatisfy { answer.partitions[$0].leader >= 0 }
      return Topic(partitions: count, isReady: count > 0 && led)
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE: return Topic(partitions: count, isReady: false)
    default: throw KafkaError(answer.err)
    }
  }

  /// Asks for the topic; that another instance was quicker is as good.
  func create(
    _ name: String, partitions: Int32, replication: Int16, configuration: [String: String],
    until deadline: MonotonicTime
  ) throws(KafkaError) -> KafkaAdmin.TopicState {
    let text = CText()
    guard
      let topic = rd_kafka_NewTopic_new(
        name, partitions, Int32(replication), text.bytes, text.capacity)
    else { throw KafkaError(code: "_INVALID_ARG", message: text.string) }
    defer { rd_kafka_NewTopic_destroy(topic) }
    for (key, value) in configuration {
      let error = rd_kafka_NewTopic_set_config(topic, key, value)
      if error != RD_KAFKA_RESP_ERR_NO_ERROR { throw KafkaError(error) }
    }
    let replies = rd_kafka_queue_new(client)!
    defer { rd_kafka_queue_destroy(replies) }
    request(topic, replies, timeoutMs: max(1, deadline.remainingMs))
    guard let event = rd_kafka_queue_poll(replies, Int32(clamping: deadline.remainingMs + 1_000))
    else {
      throw KafkaError(
        code: "_TIMED_OUT", message: "no answer to the creation of topic \(name)",
        isRetriable: true)
    }
    defer { rd_kafka_event_destroy(event) }
    return try Self.result(event)
  }

  private func request(_ topic: OpaquePointer, _ replies: OpaquePointer, timeoutMs: Int) {
    let options = rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_CREATETOPICS)
    defer { rd_kafka_AdminOptions_destroy(options) }
    let text = CText()
    // Refused only for values out of range, and these are clamped.
    let limitMs = Int32(clamping: min(timeoutMs, 3_600_000))
    rd_kafka_AdminOptions_set_request_timeout(options, limitMs, text.bytes, text.capacity)
    rd_kafka_AdminOptions_set_operation_timeout(options, limitMs, text.bytes, text.capacity)
    var topics: [OpaquePointer?] = [topic]
    rd_kafka_CreateTopics(client, &topics, 1, options, replies)
  }

  private static func result(_ event: OpaquePointer) throws(KafkaError) -> KafkaAdmin.TopicState {
    let error = rd_kafka_event_error(event)
    if error != RD_KAFKA_RESP_ERR_NO_ERROR {
      throw KafkaError(error, String(cString: rd_kafka_event_error_string(event)))
    }
    var count = 0
    guard let result = rd_kafka_event_CreateTopics_result(event),
      let topics = rd_kafka_CreateTopics_result_topics(result, &count), count == 1
    else { throw KafkaError(code: "_BAD_MSG", message: "an unexpected answer to CreateTopics") }
    switch rd_kafka_topic_result_error(topics[0]) {
    case RD_KAFKA_RESP_ERR_NO_ERROR: return .created
    case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS: return .existing
    case let error:
      throw KafkaError(
        error, rd_kafka_topic_result_error_string(topics[0]).map { String(cString: $0) })
    }
  }
}

/// Between two looks at metadata that the brokers are still spreading.
func pauseBriefly() {
  usleep(20_000)
}
