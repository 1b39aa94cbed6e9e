import Stock

/// One row of Postgres about an activity, as a rebuild reads it: all rows of a user come one after the other.
struct RebuildRow: Equatable, Sendable {
  enum Kind: Equatable, Sendable {
    /// A slot that is held.
    case claimed
    /// A slot that was given back.
    case released
    /// A request that was given back, whatever became of its slot.
    case releasedRequest
  }

  let kind: Kind
  let user: String
  let request: String
  let slot: Int64
  /// Seq and epoch of the event that made the row so.
  let seq: Int64
  let epoch: Int64
}

/// A dead letter as far as a rebuild has to know it.
struct RebuildLetter: Equatable, Sendable {
  /// What was claimed, if a claim can be read from it.
  let claim: StockEvent?
  /// The slot that its key names, if it holds no event at all.
  let slotOfKey: Int64?
  /// The highest seq that was issued for it.
  let seq: Int64
  /// Neither replayed nor discarded, and not void.
  let isUnresolved: Bool

  /// nil when it says nothing about this activity.
  init?(of activity: ActivityID, key: [UInt8]?, payload: [UInt8]?, isUnresolved: Bool) {
    if let event = payload.flatMap({ try? StockEvent.decode($0) }) {
      guard event.activity == activity else { return nil }
      claim = event.kind == .claimed ? event : nil
      slotOfKey = nil
      seq = event.seq
    } else {
      guard let named = key.flatMap({ slot(ofLockKey: $0) }), named.activity == activity
      else { return nil }
      claim = nil
      slotOfKey = named.number
      seq = 0
    }
    self.isUnresolved = isUnresolved
  }
}
