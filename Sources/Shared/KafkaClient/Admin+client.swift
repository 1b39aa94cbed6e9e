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

  let client: OpaquePointer

  init(_ settings: KafkaSettings) throws(KafkaError) {
    var layers = PropertyLayers.common(settings)
    // The end of a partition is its high watermark, whatever transactions are open.
    layers.fixed += [("isolation.level", "read_uncommitted")]
    let configuration = try Configuration.make(settings, layers)
    // Its log lines stay in a queue that nobody reads; each failed call says why.
    client = try configuration.makeClient(RD_KAFKA_CONSUMER)
  }

  deinit { rd_kafka_destroy(client) }

  /// Whether the controller, which librdkafka asks for a topic's care, is one of the brokers: not so on a mock cluster,
  /// and librdkafka would wait for it for as long as it may.
  func hasController(until deadline: MonotonicTime) throws(KafkaError) -> Bool {
    var metadata: UnsafePointer<rd_kafka_metadata>?
    let limitMs = Int32(clamping: max(1, deadline.remainingMs))
    let error = rd_kafka_metadata(client, 0, nil, &metadata, limitMs)
    guard error == RD_KAFKA_RESP_ERR_NO_ERROR, let metadata else { throw KafkaError(error) }
    defer { rd_kafka_metadata_destroy(metadata) }
    let controller = rd_kafka_controllerid(client, min(1_000, limitMs))
    return (0..<Int(metadata.pointee.broker_cnt)).contains {
      metadata.pointee.brokers[$0].id == controller
    }
  }

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

  /// Sends one request and waits for its answer, which the caller destroys.
  func ask(
    _ operation: rd_kafka_admin_op_t, _ what: String, until deadline: MonotonicTime,
    _ request: (_ client: OpaquePointer, _ options: OpaquePointer, _ replies: OpaquePointer) -> Void
  ) throws(KafkaError) -> OpaquePointer {
    let replies = rd_kafka_queue_new(client)!
    defer { rd_kafka_queue_destroy(replies) }
    let options = rd_kafka_AdminOptions_new(client, operation)!
    defer { rd_kafka_AdminOptions_destroy(options) }
    let text = CText()
    // Refused only for values out of range, and for operations without that option; these are clamped.
    let limitMs = Int32(clamping: min(max(1, deadline.remainingMs), 3_600_000))
    rd_kafka_AdminOptions_set_request_timeout(options, limitMs, text.bytes, text.capacity)
    rd_kafka_AdminOptions_set_operation_timeout(options, limitMs, text.bytes, text.capacity)
    request(client, options, replies)
    guard let event = rd_kafka_queue_poll(replies, Int32(clamping: deadline.remainingMs + 1_000))
    else {
      throw KafkaError(code: "_TIMED_OUT", message: "no answer to \(what)", isRetriable: true)
    }
    let error = rd_kafka_event_error(event)
    if error == RD_KAFKA_RESP_ERR_NO_ERROR { return event }
    defer { rd_kafka_event_destroy(event) }
    throw KafkaError(error, "\(what): \(String(cString: rd_kafka_event_error_string(event)))")
  }
}

/// Between two looks at metadata that the brokers are still spreading.
func pauseBriefly() {
  usleep(20_000)
}
