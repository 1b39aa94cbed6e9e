/// A value of a flat object. What is nested was checked for syntax and skipped.
public enum JSONValue: Equatable, Sendable {
  case string(String)
  /// A number without fraction or exponent that fits 64 bits.
  case integer(Int64)
  /// Any other number, as text.
  case number(String)
  case bool(Bool)
  case null
  case nested
}

/// Where a text stopped being JSON.
public struct JSONSyntaxError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Bytes before the culprit.
  public let offset: Int
  public let reason: String
  public var description: String { "\(reason) at byte \(offset)" }
}

/// Reads one flat JSON object strictly (RFC 8259), field by field, without building a tree.
public struct JSONReader {
  /// Objects and arrays inside the object are skipped down to this depth; deeper is an error.
  public static let maximumDepth = 32

  private let bytes: UnsafeBufferPointer<UInt8>
  private var offset = 0

  private init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

  /// Calls `field` for each field in order, repeated names included.
  public static func object(
    _ bytes: [UInt8], _ field: (String, JSONValue) -> Void
  ) throws(JSONSyntaxError) {
    try bytes.withUnsafeBufferPointer { bytes throws(JSONSyntaxError) in
      var reader = JSONReader(bytes)
      reader.skipSpace()
      try reader.readObject(depth: 0, field)
      reader.skipSpace()
      if reader.offset != bytes.count { throw reader.error("more after the object") }
    }
  }

  private mutating func readObject(
    depth: Int, _ field: (String, JSONValue) -> Void
  ) throws(JSONSyntaxError) {
    try expect("{")
    skipSpace()
    if take("}") { return }
    while true {
      skipSpace()
      let name = try readString()
      skipSpace()
      try expect(":")
      field(name, try readValue(depth: depth))
      skipSpace()
      if take("}") { return }
      try expect(",")
    }
  }

  private mutating func readValue(depth: Int) throws(JSONSyntaxError) -> JSONValue {
    skipSpace()
    guard offset < bytes.count else { throw error("a value is missing") }
    switch bytes[offset] {
    case UInt8(ascii: "\""): return .string(try readString())
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try readNumber()
    case UInt8(ascii: "t"): return try literal("true", .bool(true))
    case UInt8(ascii: "f"): return try literal("false", .bool(false))
    case UInt8(ascii: "n"): return try literal("null", .null)
    case UInt8(ascii: "{"):
      guard depth < Self.maximumDepth else { throw error("nested too deep") }
      try readObject(depth: depth + 1) { _, _ in }
      return .nested
    case UInt8(ascii: "["):
      guard depth < Self.maximumDepth else { throw error("nested too deep") }
      try skipArray(depth: depth + 1)
      return .nested
    default: throw error("not a value")
    }
  }

  private mutating func skipArray(depth: Int) throws(JSONSyntaxError) {
    try expect("[")
    skipSpace()
    if take("]") { return }
    while true {
      _ = try readValue(depth: depth)
      skipSpace()
      if take("]") { return }
      try expect(",")
    }
  }

  private mutating func readNumber() throws(JSONSyntaxError) -> JSONValue {
    let start = offset
    _ = take("-")
    if take("0") {
      if isDigit { throw error("a number with a leading zero") }
    } else {
      try skipDigits()
    }
    let isInteger = offset >= bytes.count || !(bytes[offset] == UInt8(ascii: ".") || isExponent)
    if take(".") { try skipDigits() }
    if isExponent {
      offset += 1
      if !take("+") { _ = take("-") }
      try skipDigits()
    }
    let text = UnsafeBufferPointer(rebasing: bytes[start..<offset])
    if isInteger, let value = Self.integer(text) { return .integer(value) }
    return .number(try utf8(text))
  }

  /// What digits behind an optional minus say; nil beyond 64 bits.
  private static func integer(_ text: UnsafeBufferPointer<UInt8>) -> Int64? {
    let isNegative = text.first == UInt8(ascii: "-")
    var value: Int64 = 0  // below zero, where there is room for one more
    for byte in text.dropFirst(isNegative ? 1 : 0) {
      let (tenfold, isTooMuch) = value.multipliedReportingOverflow(by: 10)
      let (next, isLess) = tenfold.subtractingReportingOverflow(Int64(byte - UInt8(ascii: "0")))
      if isTooMuch || isLess { return nil }
      value = next
    }
    if isNegative { return value }
    return value == .min ? nil : -value
  }

  private mutating func readString() throws(JSONSyntaxError) -> String {
    try expect("\"")
    let start = offset
    while offset < bytes.count, bytes[offset] != UInt8(ascii: "\""),
      bytes[offset] != UInt8(ascii: "\\")
    {
      if bytes[offset] < 0x20 { throw error("a control character in a string") }
      offset += 1
    }
    if offset < bytes.count, bytes[offset] == UInt8(ascii: "\"") {
      let text = try utf8(UnsafeBufferPointer(rebasing: bytes[start..<offset]))
      offset += 1
      return text
    }
    return try readEscapedString(from: start)
  }

  private mutating func readEscapedString(from start: Int) throws(JSONSyntaxError) -> String {
    var text = Array(bytes[start..<offset])
    while true {
      guard offset < bytes.count else { throw error("a string without end") }
      let byte = bytes[offset]
      offset += 1
      switch byte {
      case UInt8(ascii: "\""):
        return try text.withUnsafeBufferPointer { text throws(JSONSyntaxError) in try utf8(text) }
      case UInt8(ascii: "\\"): try readEscape(into: &text)
      case 0..<0x20: throw error("a control character in a string")
      default: text.append(byte)
      }
    }
  }

  private mutating func readEscape(into text: inout [UInt8]) throws(JSONSyntaxError) {
    guard offset < bytes.count else { throw error("a string without end") }
    let byte = bytes[offset]
    offset += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0c)
    case UInt8(ascii: "n"): text.append(0x0a)
    case UInt8(ascii: "r"): text.append(0x0d)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"):
      var code = try readHex()
      if (0xd800..<0xdc00).contains(code), take("\\"), take("u") {
        let low = try readHex()
        guard (0xdc00..<0xe000).contains(low) else { throw error("half a surrogate pair") }
        code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
      }
      guard let scalar = Unicode.Scalar(code) else { throw error("half a surrogate pair") }
      text.append(contentsOf: Character(scalar).utf8)
    default: throw error("an unknown escape")
    }
  }

  private mutating func readHex() throws(JSONSyntaxError) -> UInt32 {
    guard offset + 4 <= bytes.count else { throw error("a short \\u escape") }
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let digit = Character(Unicode.Scalar(bytes[offset])).hexDigitValue else {
        throw error("not a hexadecimal digit")
      }
      value = value << 4 + UInt32(digit)
      offset += 1
    }
    return value
  }

  /// Nearly all text is ASCII, and validating what is not takes ten times longer.
  private func utf8(_ bytes: UnsafeBufferPointer<UInt8>) throws(JSONSyntaxError) -> String {
    if bytes.allSatisfy({ $0 < 0x80 }) { return String(decoding: bytes, as: UTF8.self) }
    guard let text = String(validating: bytes, as: UTF8.self) else { throw error("not UTF-8") }
    return text
  }

  private mutating func literal(
    _ text: StaticString, _ value: JSONValue
  ) throws(JSONSyntaxError) -> JSONValue {
    let matches = text.withUTF8Buffer { expected in
      offset + expected.count <= bytes.count
        && bytes[offset..<offset + expected.count].elementsEqual(expected)
    }
    guard matches else { throw error("not a value") }
    offset += text.utf8CodeUnitCount
    return value
  }

  private var isDigit: Bool {
    offset < bytes.count && (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[offset])
  }

  private var isExponent: Bool {
    offset < bytes.count
      && (bytes[offset] == UInt8(ascii: "e") || bytes[offset] == UInt8(ascii: "E"))
  }

  private mutating func skipDigits() throws(JSONSyntaxError) {
    guard isDigit else { throw error("a digit is missing") }
    while isDigit { offset += 1 }
  }

  private mutating func skipSpace() {
    while offset < bytes.count {
      switch bytes[offset] {
      case 0x20, 0x09, 0x0a, 0x0d: offset += 1
      default: return
      }
    }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard offset < bytes.count, bytes[offset] == UInt8(ascii: character) else { return false }
    offset += 1
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar) throws(JSONSyntaxError) {
    if !take(character) { throw error("expected '\(character)'") }
  }

  private func error(_ reason: String) -> JSONSyntaxError {
    JSONSyntaxError(offset: offset, reason: reason)
  }
}
