import CRdKafka
import TestSupport

/// Deletes a topic, as an operator would, on a client of its own.
func deleteTopic(_ bootstrap: String, _ topic: String) throws {
  let text = UnsafeMutablePointer<CChar>.allocate(capacity: 512)
  defer { text.deallocate() }
  let configuration = rd_kafka_conf_new()
  _ = rd_kafka_conf_set(configuration, "bootstrap.servers", bootstrap, text, 512)
  guard let client = rd_kafka_new(RD_KAFKA_PRODUCER, configuration, text, 512) else {
    throw TestSupportError(String(cString: text))
  }
  defer { rd_kafka_destroy(client) }
  var request = rd_kafka_DeleteTopic_new(topic)
  defer { rd_kafka_DeleteTopic_destroy(request) }
  let replies = rd_kafka_queue_new(client)!
  defer { rd_kafka_queue_destroy(replies) }
  rd_kafka_DeleteTopics(client, &request, 1, nil, replies)
  guard let event = rd_kafka_queue_poll(replies, 20_000) else {
    throw TestSupportError("no answer to DeleteTopics")
  }
  defer { rd_kafka_event_destroy(event) }
  guard rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR_NO_ERROR else {
    throw TestSupportError(String(cString: rd_kafka_event_error_string(event)))
  }
}
