/// What must hold whatever breaks. The letters are those of the table of faults.
public enum Invariant: String, Codable, Sendable, CaseIterable {
  /// Distinct valid slots are within the stock, and no slot has two holders.
  case a = "A"
  /// Each acknowledged request has exactly its one claim, and what was told stays true.
  case b = "B"
  /// No request has two slots, no user more than the limit.
  case c = "C"
  /// Postgres is exactly what the topic says up to its offsets.
  case d = "D"
  /// At rest: free + held = total, nothing on its way, Redis = Postgres.
  case e = "E"
  /// Offsets, seqs, barriers and epochs only grow.
  case f = "F"
  /// Service comes back within the stated time.
  case g = "G"
  /// Processes stay within their bounds.
  case h = "H"
}

/// One thing that must not be.
public struct Violation: Codable, Sendable, Equatable, CustomStringConvertible {
  public let invariant: Invariant
  public let text: String

  public init(_ invariant: Invariant, _ text: String) {
    self.invariant = invariant
    self.text = text
  }

  public var description: String { "\(invariant.rawValue): \(text)" }
}

/// What the evidence of a round comes to.
public struct Verdict: Codable, Sendable {
  /// At most `Findings.limit` of a kind are told one by one.
  public let violations: [Violation]
  /// Why the round proves nothing, whatever was found: its fault was not shown, nobody drew, nobody was told how it ended.
  public let problems: [String]
  /// Of each injury of the round: milliseconds until service was back; nil where nothing was to be interrupted, or where it
  /// never came back.
  public let backMs: [Int?]
  /// How much was looked at: answers, claimed, released, refused, unknown, slots, events, barriers, void, duplicates,
  /// deadLetters, epoch, samples.
  public let counts: [String: Int]
}
