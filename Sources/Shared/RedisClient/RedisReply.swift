/// What the server answered to one command.
public enum RedisReply: Sendable, Equatable {
  case null
  case integer(Int64)
  /// A bulk string: any bytes.
  case string([UInt8])
  /// A short line such as `OK`.
  case status(String)
  case error(RedisServerError)
  case array([RedisReply])

  /// A string or a status as text; nil for anything else.
  public var text: String? {
    switch self {
    case .string(let bytes): String(decoding: bytes, as: UTF8.self)
    case .status(let text): text
    default: nil
    }
  }

  /// An integer; nil for anything else.
  public var int: Int64? {
    if case .integer(let value) = self { value } else { nil }
  }

  /// The elements of an array; nil for anything else.
  public var elements: [RedisReply]? {
    if case .array(let elements) = self { elements } else { nil }
  }

  /// The server's refusal; nil for anything else.
  public var error: RedisServerError? {
    if case .error(let error) = self { error } else { nil }
  }
}

/// An error that the server answered to one command; the connection stays good.
public struct RedisServerError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The first word: `ERR`, `OOM`, `NOSCRIPT`, `READONLY`, `LOADING`, …
  public let code: String
  /// The rest of the line. It can repeat arguments of the command.
  public let message: String

  public init(code: String, message: String) {
    self.code = code
    self.message = message
  }

  init(line: String) {
    let parts = line.split(separator: " ", maxSplits: 1)
    code = parts.first.map(String.init) ?? "ERR"
    message = parts.count > 1 ? String(parts[1]) : ""
  }

  public var description: String { message.isEmpty ? code : "\(code) \(message)" }
}
