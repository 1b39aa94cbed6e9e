import CRdKafka

/// What the callbacks of one consumer and its calls share; all of them run on the consumer's own thread.
final class ConsumerState: ClientState {
  /// What the group has given to this member.
  var owned: Set<Int32> = []
  /// The next offset of each partition that is being read; nothing is delivered from any other.
  var next: [Int32: Int64] = [:]
  private var events: [ConsumerEvent] = []
  /// There are events that a caller waits for more than for messages.
  var hasUrgentEvents: Bool { !events.isEmpty }

  func takeEvents() -> [ConsumerEvent] {
    defer { events.removeAll(keepingCapacity: true) }
    return events + takeClientEvents().map(ConsumerEvent.client)
  }

  /// Whether this message is the caller's; what was fetched for an earlier assignment isn't.
  func advance(_ message: UnsafePointer<rd_kafka_message_t>) -> Bool {
    let partition = message.pointee.partition
    let offset = message.pointee.offset
    guard let expected = next[partition], offset >= expected else { return false }
    next[partition] = offset + 1
    return true
  }

  /// An error in a partition's place: the partition stops here, whatever librdkafka would do, so that nothing is skipped.
  func takeError(_ message: UnsafePointer<rd_kafka_message_t>) {
    let error = KafkaError(
      message.pointee.err, rd_kafka_message_errstr(message).map { String(cString: $0) })
    let partition = message.pointee.partition
    guard partition >= 0, message.pointee.rkt != nil else { return append(.error(error)) }
    // Otherwise it has stopped already, or is not ours any more.
    guard next.removeValue(forKey: partition) != nil else { return }
    events.append(.partitionError(partition: partition, error))
  }

  func rebalanced(to partitions: [Int32]) {
    owned = Set(partitions)
    next = [:]
    events.append(.assigned(partitions))
  }

  func rebalanced(away partitions: [Int32], tooLate: Bool) {
    owned = []
    next = [:]
    events.append(tooLate ? .lost(partitions) : .revoked(partitions))
  }
}
