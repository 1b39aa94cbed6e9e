import Stock

/// What a recovery believes of an epoch that it reads outside of Postgres.
///
/// Epochs only grow, so that one that is not true, once taken over into Postgres, would stay.
enum KnownEpoch {
  /// The one after it is still a number that scripts count exactly, and a record can say.
  static let range: ClosedRange<Int64> = 1...ActivityID.range.upperBound - 1
}
