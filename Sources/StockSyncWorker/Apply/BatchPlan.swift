import PostgresClient
import Protections
import Stock

/// What a batch means for the tables, decided without them but for what `Known` tells.
struct BatchPlan: Equatable {
  /// What has to be known of the database before planning.
  struct Known: Sendable {
    /// Stock of the activities that there are.
    var totals: [Int64: Int64]
    /// By partition; events of a lower epoch are void.
    var barrierEpochs: [Int32: Int64]
  }

  /// An event to be judged by apply_claims.sql.
  struct Row: Equatable {
    /// Where its message is in the batch.
    let place: Int
    let event: StockEvent
    let isVoid: Bool
  }

  let batch: Batch
  private(set) var rows: [Row] = []
  private(set) var deadLetters: [DeadLetter] = []
  /// The highest barrier of each partition that has one in this batch.
  private(set) var barriers: [Int32: Int64] = [:]
  /// Messages that repeat another one of this batch.
  private(set) var duplicates = 0

  init(_ batch: Batch, _ known: Known) {
    self.batch = batch
    // An event that is not void repeats only one that is not void either: with a new epoch seqs begin again above
    // what Postgres holds, so the same user may rightly get the slot and seq that a void event names.
    var seen: [StockEvent.Number: Int] = [:]
    var seenVoid: [StockEvent.Number: Int] = [:]
    rows.reserveCapacity(batch.messages.count)
    for place in batch.messages.indices {
      switch batch.messages[place].content {
      case .unusable(let reason, let detail): bury(place, reason, detail)
      case .barrier(let barrier):
        let partition = batch.messages[place].partition
        barriers[partition] = max(barriers[partition] ?? 0, barrier.epoch)
      case .event(let event):
        let isVoid = isVoid(event, in: batch.messages[place].partition, known)
        if !batch.isWithoutRepeats {
          if batch.repeats(event, oneOf: seen) || isVoid && batch.repeats(event, oneOf: seenVoid) {
            duplicates += 1
            continue
          }
          if isVoid { seenVoid[event.number] = place } else { seen[event.number] = place }
        }
        add(place, event, isVoid, known)
      }
    }
  }

  /// The message that a row is of.
  func message(of row: Row) -> StreamMessage { batch.messages[row.place] }

  /// From before the last recovery that the partition has heard of, this batch up to here included.
  private func isVoid(_ event: StockEvent, in partition: Int32, _ known: Known) -> Bool {
    let barrier = max(known.barrierEpochs[partition] ?? 0, barriers[partition] ?? 0)
    return Protection.voidRule.isOn && event.epoch < barrier
  }

  private mutating func add(_ place: Int, _ event: StockEvent, _ isVoid: Bool, _ known: Known) {
    guard let total = known.totals[event.activity.value] else {
      return bury(place, .unknownActivity, "activity \(event.activity)")
    }
    guard event.slot <= total else {
      return bury(place, .slotOutOfRange, "slot \(event.slot) of \(total)")
    }
    rows.append(Row(place: place, event: event, isVoid: isVoid))
  }

  private mutating func bury(_ place: Int, _ reason: DeadLetter.Reason, _ detail: String) {
    deadLetters.append(DeadLetter(message: batch.messages[place], reason: reason, detail: detail))
  }

  /// Activities of a batch, in order, whose totals `Known` must hold.
  static func activities(of batch: Batch) -> [Int64] {
    var ids: Set<Int64> = []
    for place in batch.messages.indices {
      if case .event(let event) = batch.messages[place].content { ids.insert(event.activity.value) }
    }
    return ids.sorted()
  }

  /// Parameters of apply_claims.sql.
  var parameters: [PostgresValue] {
    if let ahead = batch.encodedAhead, rows.count == batch.messages.count,
      !rows.contains(where: { $0.isVoid })
    {
      return ahead
    }
    return Self.parameters(of: rows)
  }

  static func parameters(of rows: [Row]) -> [PostgresValue] {
    [
      .int8Array(rows.map { $0.event.activity.value }),
      .int4Array(rows.map { Int32($0.event.slot) }),
      .int8Array(rows.map { $0.event.seq }),
      .boolArray(rows.map { $0.event.kind == .released }),
      .textArray(rows.map { $0.event.user }),
      .textArray(rows.map { $0.event.request }),
      .int8Array(rows.map { $0.event.epoch }),
      .int8Array(rows.map { $0.event.timeMs }),
      .boolArray(rows.map { $0.isVoid }),
    ]
  }
}
