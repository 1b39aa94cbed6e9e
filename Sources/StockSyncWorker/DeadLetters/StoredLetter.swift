import PostgresClient
import Stock

/// A dead letter as the table holds it.
struct StoredLetter: Equatable {
  /// How it was dealt with. Unresolved ones hold their slot when Redis is rebuilt.
  enum Resolution: String {
    case unresolved, replayed, discarded
  }

  var partition: Int32
  var offset: Int64
  var key: [UInt8]?
  var payload: [UInt8]?
  var reason: String
  var detail: String
  var firstSeenMs: Int64
  var resolution: Resolution
  var resolvedMs: Int64?
  var resolvedBy: String?
  var note: String?

  /// What the message says, if it can be read.
  var event: StockEvent? {
    guard let payload, case .event(let event)? = try? TopicRecord.decode(payload) else {
      return nil
    }
    return event
  }

  /// The slot that it is about: of its event, or of its key where the event cannot be read.
  var slot: (activity: ActivityID, number: Int64)? {
    if let event { return (event.activity, event.slot) }
    return key.flatMap { Stock.slot(ofLockKey: $0) }
  }

  /// Row `row` of list_dead_letters.sql or lock_dead_letter.sql.
  init(_ found: PostgresResult, _ row: Int) {
    let replayedMs = found.optionalInt8(row, 7)
    let discardedMs = found.optionalInt8(row, 8)
    partition = found.int4(row, 0)
    offset = found.int8(row, 1)
    key = found.optionalBytea(row, 2)
    payload = found.optionalBytea(row, 3)
    reason = found.text(row, 4)
    detail = found.text(row, 5)
    firstSeenMs = found.int8(row, 6)
    resolution = replayedMs != nil ? .replayed : discardedMs != nil ? .discarded : .unresolved
    resolvedMs = replayedMs ?? discardedMs
    resolvedBy = found.optionalText(row, 9)
    note = found.optionalText(row, 10)
  }
}
