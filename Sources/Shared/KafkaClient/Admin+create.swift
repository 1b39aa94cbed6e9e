import CRdKafka
import Threads

extension AdminClient {
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
    let event = try ask(
      RD_KAFKA_ADMIN_OP_CREATETOPICS, "the creation of topic \(name)", until: deadline
    ) { client, options, replies in
      var topics: [OpaquePointer?] = [topic]
      rd_kafka_CreateTopics(client, &topics, 1, options, replies)
    }
    defer { rd_kafka_event_destroy(event) }
    return try Self.state(event)
  }

  private static func state(_ event: OpaquePointer) throws(KafkaError) -> KafkaAdmin.TopicState {
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
