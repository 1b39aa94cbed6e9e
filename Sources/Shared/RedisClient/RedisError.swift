/// Why a connection or a pipeline failed. After any of them but `tooLarge` the connection is gone.
public struct RedisError: Error, Sendable, Equatable, CustomStringConvertible {
  public enum Kind: String, Sendable {
    /// Not reached, or it refused what a new connection begins with.
    case connect
    /// The password or the user is wrong, or one is needed.
    case authentication
    /// Not all replies came in time.
    case timeout
    /// The connection was closed or broke.
    case closed
    /// What came is not Redis's protocol.
    case protocolViolation
    /// The last attempt failed and the next one is not due: nothing was tried.
    case backingOff
    /// More commands or bytes than one pipeline may have: nothing was sent.
    case tooLarge
  }

  public let kind: Kind
  /// For people; holds no secret.
  public let message: String
  /// Commands of the pipeline may have been executed, and how they ended is not known.
  public let outcomeUnknown: Bool

  public init(_ kind: Kind, _ message: String, outcomeUnknown: Bool = false) {
    self.kind = kind
    self.message = message
    self.outcomeUnknown = outcomeUnknown
  }

  public var description: String { "\(kind.rawValue): \(message)" }
}
