/// The topic of events, record by record.
struct History: Sendable {
  struct Entry: Sendable {
    let record: TopicRecord
    let message: Message
    /// An event of a lower epoch than the highest barrier before it in its partition.
    let isVoid: Bool
  }

  /// By partition, in the order of offsets.
  let entries: [Entry]
  let ends: [Int: Int]

  init(_ dump: TopicDump) {
    var barriers: [Int: Int] = [:]
    entries = dump.records.map { record in
      let message = Message(record.payload)
      var isVoid = false
      switch message {
      case .barrier(let epoch):
        barriers[record.partition] = max(barriers[record.partition] ?? 0, epoch)
      case .event(let event): isVoid = event.epoch < barriers[record.partition] ?? 0
      case .malformed, .newer: break
      }
      return Entry(record: record, message: message, isVoid: isVoid)
    }
    ends = dump.ends
  }

  /// All partitions as one, near to how it came about: the partitions' records by their times, none out of its partition's order.
  var merged: [Entry] {
    var queues = Dictionary(grouping: entries) { $0.record.partition }.mapValues { $0[...] }
    var merged: [Entry] = []
    merged.reserveCapacity(entries.count)
    while let next = queues.min(by: {
      ($0.value.first!.record.timeMs, $0.key) < ($1.value.first!.record.timeMs, $1.key)
    }) {
      merged.append(next.value.first!)
      let left = next.value.dropFirst()
      queues[next.key] = left.isEmpty ? nil : left
    }
    return merged
  }
}

/// The control topic.
struct ControlTopic: Sendable {
  /// Epochs that were announced; the first one is not.
  let epochs: Set<Int>

  init(_ dump: TopicDump) {
    var epochs: Set<Int> = []
    for record in dump.records {
      guard let payload = record.payload, let fields = FlatJSON.fields(payload),
        fields.contains(where: { $0.name == "type" && $0.value == .text("epoch") }),
        case .whole(let epoch)? = fields.first(where: { $0.name == "epoch" })?.value
      else { continue }
      epochs.insert(epoch)
    }
    self.epochs = epochs
  }
}
