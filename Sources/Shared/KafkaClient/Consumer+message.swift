import CRdKafka

extension KafkaMessage {
  init(_ message: UnsafePointer<rd_kafka_message_t>) {
    var kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
    let timestampMs = rd_kafka_message_timestamp(message, &kind)
    self.init(
      partition: message.pointee.partition, offset: message.pointee.offset,
      key: bytes(message.pointee.key, message.pointee.key_len),
      value: bytes(message.pointee.payload, message.pointee.len), timestampMs: timestampMs)
  }
}

/// A key or value that is absent is something else than an empty one.
private func bytes(_ start: UnsafeMutableRawPointer?, _ count: Int) -> [UInt8]? {
  guard let start else { return nil }
  return [UInt8](UnsafeRawBufferPointer(start: start, count: count))
}
