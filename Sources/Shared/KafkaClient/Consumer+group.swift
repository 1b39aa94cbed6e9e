import CRdKafka
import Glibc

extension KafkaConsumer {
  /// The id that the group's coordinator gave to this member; nil before it has joined.
  public var memberId: String? {
    guard isOpen, let id = rd_kafka_memberid(client) else { return nil }
    defer { rd_kafka_mem_free(client, id) }
    let text = String(cString: id)
    return text.isEmpty ? nil : text
  }

  /// The group's generation that this member is in: it grows with each rebalance. Nil before it has joined.
  ///
  /// librdkafka has no call for it; it is in the group metadata that it writes for transactional producers.
  public var generation: Int32? {
    guard isOpen, let metadata = rd_kafka_consumer_group_metadata(client) else { return nil }
    defer { rd_kafka_consumer_group_metadata_destroy(metadata) }
    var buffer: UnsafeMutableRawPointer?
    var size = 0
    if let error = rd_kafka_consumer_group_metadata_write(metadata, &buffer, &size) {
      rd_kafka_error_destroy(error)
      return nil
    }
    guard let buffer else { return nil }
    defer { rd_kafka_mem_free(client, buffer) }
    return generation(in: UnsafeRawBufferPointer(start: buffer, count: size))
  }

  /// `CGMDv2:`, then the generation as the machine stores it.
  private func generation(in bytes: UnsafeRawBufferPointer) -> Int32? {
    let magic = Array("CGMDv2:".utf8)
    guard bytes.count >= magic.count + 4, bytes.starts(with: magic) else { return nil }
    let generation = bytes.loadUnaligned(fromByteOffset: magic.count, as: Int32.self)
    return generation < 0 ? nil : generation
  }

  /// The partition's oldest offset and the one after its newest, as the last fetch knew them. No I/O; nil if unknown.
  public func watermarks(_ partition: Int32) -> (low: Int64, high: Int64)? {
    guard isOpen else { return nil }
    var low: Int64 = 0
    var high: Int64 = 0
    let error = rd_kafka_get_watermark_offsets(client, topic, partition, &low, &high)
    guard error == RD_KAFKA_RESP_ERR_NO_ERROR, high >= 0 else { return nil }
    return (low, high)
  }

  /// Messages of the partition that are not yet behind `position`, as the last fetch knew it. No I/O; nil if unknown.
  public func lag(_ partition: Int32, behind position: Int64) -> Int64? {
    watermarks(partition).map { max(0, $0.high - position) }
  }
}
