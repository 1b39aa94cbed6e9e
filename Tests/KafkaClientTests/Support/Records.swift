import CRdKafka
import KafkaClient
import TestSupport
import Threads

// What a test does to a topic that our own clients never do, on clients of its own.

/// Deletes the records below these offsets of partition 0, so that the log starts there.
func deleteRecords(_ bootstrap: String, _ topic: String, below offset: Int64) throws {
  let client = try makeClient(RD_KAFKA_PRODUCER, ["bootstrap.servers": bootstrap])
  defer { rd_kafka_destroy(client) }
  let list = rd_kafka_topic_partition_list_new(1)!
  defer { rd_kafka_topic_partition_list_destroy(list) }
  rd_kafka_topic_partition_list_add(list, topic, 0).pointee.offset = offset
  var request = rd_kafka_DeleteRecords_new(list)
  defer { rd_kafka_DeleteRecords_destroy(request) }
  let replies = rd_kafka_queue_new(client)!
  defer { rd_kafka_queue_destroy(replies) }
  rd_kafka_DeleteRecords(client, &request, 1, nil, replies)
  guard let event = rd_kafka_queue_poll(replies, 20_000) else {
    throw TestSupportError("no answer to DeleteRecords")
  }
  defer { rd_kafka_event_destroy(event) }
  guard
    let offsets = rd_kafka_DeleteRecords_result_offsets(
      rd_kafka_event_DeleteRecords_result(event)),
    offsets.pointee.elems[0].err == RD_KAFKA_RESP_ERR_NO_ERROR
  else { throw TestSupportError("records of \(topic) were not deleted") }
}

/// Writes records in a transaction, which leaves a marker behind them that no reader gets.
func writeTransaction(
  _ bootstrap: String, _ topic: String, records: Int, isCommitted: Bool
) throws {
  let client = try makeClient(
    RD_KAFKA_PRODUCER, ["bootstrap.servers": bootstrap, "transactional.id": topic])
  defer { rd_kafka_destroy(client) }
  try check(rd_kafka_init_transactions(client, 20_000))
  try check(rd_kafka_begin_transaction(client))
  let handle = rd_kafka_topic_new(client, topic, nil)!
  defer { rd_kafka_topic_destroy(handle) }
  for _ in 0..<records {
    var value: [UInt8] = [1]
    guard rd_kafka_produce(handle, 0, RD_KAFKA_MSG_F_COPY, &value, 1, nil, 0, nil) == 0 else {
      throw TestSupportError("a record of a transaction was not taken")
    }
  }
  guard rd_kafka_flush(client, 20_000) == RD_KAFKA_RESP_ERR_NO_ERROR else {
    throw TestSupportError("the records of a transaction were not written")
  }
  try check(
    isCommitted
      ? rd_kafka_commit_transaction(client, 20_000) : rd_kafka_abort_transaction(client, 20_000))
}

private func check(_ error: OpaquePointer?) throws {
  guard let error else { return }
  defer { rd_kafka_error_destroy(error) }
  throw TestSupportError(String(cString: rd_kafka_error_string(error)))
}

private func makeClient(
  _ type: rd_kafka_type_t, _ properties: [String: String]
) throws -> OpaquePointer {
  let text = UnsafeMutablePointer<CChar>.allocate(capacity: 512)
  defer { text.deallocate() }
  let configuration = rd_kafka_conf_new()
  for (name, value) in properties {
    _ = rd_kafka_conf_set(configuration, name, value, text, 512)
  }
  guard let client = rd_kafka_new(type, configuration, text, 512) else {
    throw TestSupportError(String(cString: text))
  }
  return client
}
