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
    let message: StreamMessage
    let event: StockEvent
    let isVoid: Bool
  }

  private(set) var rows: [Row] = []
  private(set) var deadLetters: [DeadLetter] = []
  /// The highest barrier of each partition that has one in this batch.
  private(set) var barriers: [Int32: Int64] = [:]
  /// Messages that repeat another one of this batch.
  private(set) var duplicates = 0

  init(_ batch: Batch, _ known: Known) {
    /// Whether one that counts was seen, and not only void ones.
    var seen: [StockEvent.Identity: Bool] = [:]
    rows.reserveCapacity(batch.messages.count)
    seen.reserveCapacity(batch.messages.count)
    for message in batch.messages {
      switch message.content {
      case .unusable(let reason, let detail):
        deadLetters.append(DeadLetter(message: message, reason: reason, detail: detail))
      case .barrier(let barrier):
        barriers[message.partition] = max(barriers[message.partition] ?? 0, barrier.epoch)
      case .event(let event):
        // A recovery may issue a lost seq again, and the same request may get the same slot with it: the void event and
        // the one that counts differ in nothing but the epoch then.
        let isVoid = isVoid(event, in: message.partition, known)
        let before = seen[event.identity]
        if before == true || (before == false && isVoid) {
          duplicates += 1
        } else {
          seen[event.identity] = !isVoid
          add(message, event, isVoid: isVoid, known)
        }
      }
    }
  }

  private func isVoid(_ event: StockEvent, in partition: Int32, _ known: Known) -> Bool {
    let barrier = max(known.barrierEpochs[partition] ?? 0, barriers[partition] ?? 0)
    return event.epoch < barrier && Protection.voidRule.isOn
  }

  private mutating func add(
    _ message: StreamMessage, _ event: StockEvent, isVoid: Bool, _ known: Known
  ) {
    func bury(_ reason: DeadLetter.Reason, _ detail: String) {
      deadLetters.append(DeadLetter(message: message, reason: reason, detail: detail))
    }
    guard let total = known.totals[event.activity.value] else {
      return bury(.unknownActivity, "activity \(event.activity)")
    }
    guard event.slot <= total else {
      return bury(.slotOutOfRange, "slot \(event.slot) of \(total)")
    }
    rows.append(Row(message: message, event: event, isVoid: isVoid))
  }

  /// Activities of a batch, in order, whose totals `Known` must hold.
  static func activities(of batch: Batch) -> [Int64] {
    var ids: Set<Int64> = []
    for case .event(let event) in batch.messages.lazy.map(\.content) {
      ids.insert(event.activity.value)
    }
    return ids.sorted()
  }

  /// Parameters of apply_claims.sql.
  var parameters: [PostgresValue] {
    [
      .int8Array(rows.map(\.event.activity.value)),
      .int4Array(rows.map { Int32($0.event.slot) }),
      .int8Array(rows.map(\.event.seq)),
      .boolArray(rows.map { $0.event.kind == .released }),
      .textArray(rows.map(\.event.user)),
      .textArray(rows.map(\.event.request)),
      .int8Array(rows.map(\.event.epoch)),
      .int8Array(rows.map(\.event.timeMs)),
      .boolArray(rows.map(\.isVoid)),
    ]
  }
}
