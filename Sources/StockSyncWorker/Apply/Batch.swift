import PostgresClient
import Stock

/// Messages in the order in which they came, and where each of their partitions stood before them.
struct Batch: Sendable, Equatable {
  /// The offset that Postgres must say for a partition, or the batch is not the next one.
  private(set) var start: [Int32: Int64]
  /// Where each partition stands after this batch.
  private(set) var end: [Int32: Int64] = [:]
  private(set) var messages: ArraySlice<StreamMessage>

  /// How many messages at the front can be judged against the tables alone.
  ///
  /// What contradicts an earlier message of the same batch (same slot and seq, other request; a request with
  /// a second slot; a request claimed after its release) must find that one in the tables, so it starts a batch
  /// of its own. In a healthy system there is no such message, and this is the whole batch.
  private(set) var independentPrefix = 0
  /// No two messages have the same number, so that none is a duplicate. Known only where the prefix is all of it.
  private(set) var isWithoutRepeats = false
  /// Parameters of apply_claims.sql if each message becomes a row that is not void.
  private(set) var encodedAhead: [PostgresValue]?

  init(start: [Int32: Int64], messages: some Collection<StreamMessage>) {
    self.messages = ArraySlice(messages)
    for place in self.messages.indices {
      end[self.messages[place].partition] = self.messages[place].offset + 1
    }
    self.start = start.filter { [end] in end[$0.key] != nil }
    precondition(self.start.count == end.count, "a partition without a position")
    independentPrefix = countOfIndependent()
  }

  /// Encodes what it nearly always becomes: its transaction holds locks, and is the worker's bottleneck. Nothing where a
  /// message cannot become a row.
  mutating func encodeAhead() {
    var rows: [BatchPlan.Row] = []
    rows.reserveCapacity(messages.count)
    for place in messages.indices {
      guard case .event(let event) = messages[place].content,
        StockLimits.total.contains(event.slot)
      else { return }
      rows.append(BatchPlan.Row(place: place, event: event, isVoid: false))
    }
    encodedAhead = BatchPlan.parameters(of: rows).map(\.encoded)
  }

  var isEmpty: Bool { messages.isEmpty }

  /// In order, as rows are locked in it.
  var partitions: [Int32] { start.keys.sorted() }

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

  private mutating func countOfIndependent() -> Int {
    var byNumber: [StockEvent.Number: Int] = [:]
    var repeated = false
    var byRequest: [Request: (slot: Int64, releasedSeq: Int64?)] = [:]
    byNumber.reserveCapacity(messages.count)
    byRequest.reserveCapacity(messages.count)
    for place in messages.indices {
      guard case .event(let event) = messages[place].content else { continue }
      if byNumber[event.number] != nil {
        if !repeats(event, oneOf: byNumber) { return place - messages.startIndex }
        repeated = true
        continue
      }
      byNumber[event.number] = place
      let request = Request(event)
      let released = event.kind == .released ? event.seq : nil
      guard let known = byRequest.updateValue((event.slot, released), forKey: request) else {
        continue
      }
      let isAfterRelease = event.kind == .claimed && (known.releasedSeq ?? .max) < event.seq
      if known.slot != event.slot || isAfterRelease { return place - messages.startIndex }
      byRequest[request]!.releasedSeq = [known.releasedSeq, released].compactMap(\.self).min()
    }
    isWithoutRepeats = !repeated
    return messages.count
  }

  /// Whether the message that is listed for the event's number is the same event.
  func repeats(_ event: StockEvent, oneOf places: [StockEvent.Number: Int]) -> Bool {
    guard let place = places[event.number], case .event(let other) = messages[place].content else {
      return false
    }
    return other.identity == event.identity
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
  /// What an event is known by: two that share it are one, or contradict each other.
  struct Number: Hashable {
    let activity: ActivityID
    let slot: Int64
    let seq: Int64
  }

  /// What makes two messages one event: epoch and time say nothing about who holds the slot.
  struct Identity: Hashable {
    let number: Number
    let kind: Kind
    let user: String
    let request: String
  }

  var number: Number { Number(activity: activity, slot: slot, seq: seq) }

  var identity: Identity { Identity(number: number, kind: kind, user: user, request: request) }
}
