public import JSONBytes

/// A field's value in a log line.
public enum LogValue: Sendable, Equatable {
  case string(String)
  case integer(Int64)
  case number(Double)
  case bool(Bool)
  case object([(key: String, value: LogValue)])
  case array([LogValue])

  public static func == (left: LogValue, right: LogValue) -> Bool {
    switch (left, right) {
    case (.string(let a), .string(let b)): a == b
    case (.integer(let a), .integer(let b)): a == b
    case (.number(let a), .number(let b)): a == b
    case (.bool(let a), .bool(let b)): a == b
    case (.object(let a), .object(let b)):
      a.elementsEqual(b) { $0.key == $1.key && $0.value == $1.value }
    case (.array(let a), .array(let b)): a == b
    default: false
    }
  }

  /// A whole number; beyond 64 bits with sign it is the nearest that there is.
  public static func int(_ value: some BinaryInteger) -> LogValue {
    .integer(Int64(clamping: value))
  }

  /// Appends it as a JSON value.
  public func write(to json: inout JSONWriter) {
    switch self {
    case .string(let value): json.string(value)
    case .integer(let value): json.integer(value)
    case .number(let value): json.number(value)
    case .bool(let value): json.bool(value)
    case .object(let fields):
      json.beginObject()
      for field in fields {
        json.key(field.key)
        field.value.write(to: &json)
      }
      json.endObject()
    case .array(let values):
      json.beginArray()
      for value in values { value.write(to: &json) }
      json.endArray()
    }
  }
}

extension LogValue: ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral,
  ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral,
  ExpressibleByDictionaryLiteral
{
  public init(stringLiteral value: String) { self = .string(value) }
  public init(integerLiteral value: Int64) { self = .integer(value) }
  public init(floatLiteral value: Double) { self = .number(value) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(arrayLiteral elements: LogValue...) { self = .array(elements) }
  public init(dictionaryLiteral elements: (String, LogValue)...) {
    self = .object(elements.map { (key: $0.0, value: $0.1) })
  }
}
