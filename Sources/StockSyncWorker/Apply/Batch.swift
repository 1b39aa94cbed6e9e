import Stock

/// Messages in the order in which they came, and where each of their partitions stood before them.
struct Batch: Sendable, Equatable {
  /// The offset that Postgres must say for a partition, or the batch is not the next one.
  private(set) var start: [Int32: Int64]
  private(set) var messages: ArraySlice<StreamMessage>

  init(start: [Int32: Int64], messages: some Collection<StreamMessage>) {
    let present = Set(messages.map(\.partition))
    self.start = start.filter { present.contains($0.key) }
    self.messages = ArraySlice(messages)
    precondition(self.start.count == present.count, "a partition without a position")
  }

  var isEmpty: Bool { messages.isEmpty }

  /// In order, as rows are locked in it.
  var partitions: [Int32] { start.keys.sorted() }

  /// Where each partition stands after this batch.
  var end: [Int32: Int64] {
    var next = start
    for message in messages { next[message.partition] = message.offset + 1 }
    return next
  }

  /// Two batches that are the same, one after the other; `count` is how many messages the first gets.
  func split(at count: Int) -> (Batch, Batch) {
    precondition(count > 0 && count < messages.count)
    let first = Batch(start: start, messages: messages.prefix(count))
    let positions = start.merging(first.end) { $1 }
    return (first, Batch(start: positions, messages: messages.dropFirst(count)))
  }

  /// The same batch with its one message as a dead letter.
  func buried(_ reason: DeadLetter.Reason, detail: String) -> Batch {
    precondition(messages.count == 1)
    return Batch(start: start, messages: messages.map { $0.buried(reason, detail: detail) })
  }

  /// How many messages at the front can be judged against the tables alone.
  ///
  /// What contradicts an earlier message of the same batch (same slot and seq, other request; a request with
  /// a second slot; a request claimed after its release) must find that one in the tables, so it starts a batch
  /// of its own. In a healthy system there is no such message, and this is the whole batch.
  var independentPrefix: Int {
    var bySeq: [SlotSeq: StockEvent] = [:]
    var byRequest: [Request: (slot: Int64, releasedSeq: Int64?)] = [:]
    bySeq.reserveCapacity(messages.count)
    byRequest.reserveCapacity(messages.count)
    for (index, message) in messages.enumerated() {
      guard case .event(let event) = message.content else { continue }
      let same = bySeq.updateValue(event, forKey: SlotSeq(event))
      if let same {
        if same.identity != event.identity { return index }
        continue
      }
      let request = Request(event)
      guard let known = byRequest[request] else {
        let released = event.kind == .released ? event.seq : nil
        byRequest[request] = (event.slot, released)
        continue
      }
      if known.slot != event.slot { return index }
      switch event.kind {
      case .claimed:
        if let released = known.releasedSeq, released < event.seq { return index }
      case .released:
        byRequest[request]!.releasedSeq = min(known.releasedSeq ?? .max, event.seq)
      }
    }
    return messages.count
  }

  private struct SlotSeq: Hashable {
    let activity: ActivityID
    let slot: Int64
    let seq: Int64
    init(_ event: StockEvent) {
      activity = event.activity
      slot = event.slot
      seq = event.seq
    }
  }

  private struct Request: Hashable {
    let activity: ActivityID
    let user: String
    let request: String
    init(_ event: StockEvent) {
      activity = event.activity
      user = event.user
      request = event.request
    }
  }
}

extension StockEvent {
  /// What makes two messages one event: epoch and time say nothing about who holds the slot.
  struct Identity: Hashable {
    let activity: ActivityID
    let slot: Int64
    let seq: Int64
    let kind: Kind
    let user: String
    let request: String
  }

  var identity: Identity {
    Identity(
      activity: activity, slot: slot, seq: seq, kind: kind, user: user, request: request)
  }
}
