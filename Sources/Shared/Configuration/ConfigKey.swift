/// One setting: the single place that says its type, default, range and purpose. `--help`, the README's
/// table and the checks at start are all made from it.
public struct ConfigKey: Sendable {
  public enum Kind: Sendable, Equatable {
    case text
    /// A whole number within bounds.
    case integer(ClosedRange<Int>)
    case flag
    case choice([String])
    /// Free names below this key: `kafka.property.<name>`.
    case properties
  }

  /// Who reads it. A setting of the other service is no error in a shared file or environment.
  public enum Scope: String, Sendable {
    case both, draw, worker
    /// An option of one command: on the command line alone.
    case command
  }

  /// Lower case, dots between parts, dashes between words; units last: `redis.command-timeout-ms`.
  public let name: String
  public let kind: Kind
  /// nil: has to be given where it is asked for.
  public let defaultValue: String?
  public let scope: Scope
  /// Never taken from arguments, never shown; can be read from a file named by `<name>-file`.
  public let isSecret: Bool
  public let help: String

  public init(
    _ name: String, _ kind: Kind = .text, default defaultValue: String? = nil,
    scope: Scope = .both, isSecret: Bool = false, _ help: String
  ) {
    self.name = name
    self.kind = kind
    self.defaultValue = defaultValue
    self.scope = scope
    self.isSecret = isSecret
    self.help = help
  }

  public static let environmentPrefix = "SLIDING_STOCK_"

  /// `--redis-host`
  public var option: String { "--" + String(name.map { $0 == "." ? "-" : $0 }) }

  /// `SLIDING_STOCK_REDIS_HOST`
  public var environmentName: String {
    Self.environmentPrefix + String(name.uppercased().map { $0 == "." || $0 == "-" ? "_" : $0 })
  }

  /// The type with its range, for people.
  public var typeText: String {
    switch kind {
    case .text: isSecret ? "secret" : "text"
    case .integer(let range): "\(range.lowerBound)…\(range.upperBound)"
    case .flag: "true or false"
    case .choice(let values): values.joined(separator: ", ")
    case .properties: "name=value"
    }
  }

  /// What is wrong with a value; nil when it is right.
  func complaint(about value: String) -> String? {
    switch kind {
    case .text, .properties: return value.utf8.contains(0) ? "contains a NUL" : nil
    case .integer(let range):
      guard let number = Int(value) else { return "is not a whole number" }
      return range.contains(number) ? nil : "is outside \(range.lowerBound)…\(range.upperBound)"
    case .flag: return value == "true" || value == "false" ? nil : "is neither true nor false"
    case .choice(let values):
      return values.contains(value) ? nil : "is none of \(values.joined(separator: ", "))"
    }
  }
}

/// A setting that cannot be used: names the key and where it came from, never a secret's value.
public struct ConfigError: Error, Equatable, Sendable, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}
