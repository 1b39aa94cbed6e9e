/// What went wrong, and what to do about it, decided once.
public struct PostgresError: Error, Sendable, Equatable {
  public enum Kind: String, Sendable {
    /// Connection, resources, lock, deadlock, read-only server: the same again later may work.
    case retry
    /// These values can never be stored: trying again is no use.
    case data
    /// What is stored contradicts itself (a named invariant, a broken index): stop.
    case corruption
    /// Wrong password, missing table or right, wrong SQL: a person has to act.
    case configuration
  }

  public let kind: Kind
  /// Five characters; empty when the server did not answer.
  public let sqlState: String
  /// The server's primary message, or the client's own words.
  public let message: String
  /// The server's detail may hold values of rows: not in `description`.
  public let detail: String
  /// The violated constraint's name, or empty.
  public let constraint: String
  /// True when the statement may have taken effect all the same: look before doing it again.
  public let outcomeUnknown: Bool
  /// True when the connection is gone.
  public let connectionLost: Bool

  public init(
    kind: Kind, sqlState: String = "", message: String, detail: String = "",
    constraint: String = "", outcomeUnknown: Bool = false, connectionLost: Bool = false
  ) {
    self.kind = kind
    self.sqlState = sqlState
    self.message = message
    self.detail = detail
    self.constraint = constraint
    self.outcomeUnknown = outcomeUnknown
    self.connectionLost = connectionLost
  }

  /// Judges an SQLSTATE. What is not known is `.retry`: nothing is ever thrown away because of it.
  public static func kind(ofState state: String, constraint: String, invariants: Set<String>)
    -> Kind
  {
    if !constraint.isEmpty && invariants.contains(constraint) { return .corruption }
    switch state {
    case "25006": return .retry  // read-only: a standby, or a primary that was demoted
    case "XX001", "XX002": return .corruption  // a damaged page or index
    default: break
    }
    switch state.prefix(2) {
    case "21", "22", "23", "44", "54": return .data
    case "0A", "25", "26", "28", "2B", "2F", "34", "38", "39", "3B", "3D", "3F", "42":
      return .configuration
    default: return .retry
    }
  }

  func withOutcomeUnknown() -> PostgresError {
    PostgresError(
      kind: kind, sqlState: sqlState, message: message, detail: detail, constraint: constraint,
      outcomeUnknown: true, connectionLost: connectionLost)
  }
}

extension PostgresError: CustomStringConvertible {
  /// For logs: without the detail.
  public var description: String {
    let state = sqlState.isEmpty ? "" : " \(sqlState)"
    return
      "postgres \(kind.rawValue)\(state): \(message)\(outcomeUnknown ? " (outcome unknown)" : "")"
  }
}
