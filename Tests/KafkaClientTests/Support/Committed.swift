import CRdKafka

/// What a group has committed for a topic, asked by a client that isn't ours.
func committed(_ bootstrap: String, group: String, topic: String) -> [Int32: Int64] {
  let text = UnsafeMutablePointer<CChar>.allocate(capacity: 512)
  defer { text.deallocate() }
  let configuration = rd_kafka_conf_new()
  _ = rd_kafka_conf_set(configuration, "bootstrap.servers", bootstrap, text, 512)
  _ = rd_kafka_conf_set(configuration, "group.id", group, text, 512)
  let client = rd_kafka_new(RD_KAFKA_CONSUMER, configuration, text, 512)!
  defer { rd_kafka_destroy(client) }
  let list = rd_kafka_topic_partition_list_new(4)!
  defer { rd_kafka_topic_partition_list_destroy(list) }
  for partition: Int32 in 0..<4 { rd_kafka_topic_partition_list_add(list, topic, partition) }
  guard rd_kafka_committed(client, list, 10_000) == RD_KAFKA_RESP_ERR_NO_ERROR else { return [:] }
  var offsets: [Int32: Int64] = [:]
  for index in 0..<Int(list.pointee.cnt) where list.pointee.elems[index].offset >= 0 {
    offsets[list.pointee.elems[index].partition] = list.pointee.elems[index].offset
  }
  return offsets
}
