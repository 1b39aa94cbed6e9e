/// A strict reader of one JSON object (RFC 8259) that gives its fields in order, repeated ones included. What is nested is
/// checked and not kept.
struct FlatJSON {
  enum Value: Equatable {
    case text(String)
    /// Without fraction and exponent, within 64 bits.
    case whole(Int)
    case other
  }

  private var rest: ArraySlice<UInt8>
  private static let deepest = 32

  /// nil: no such object.
  static func fields(_ bytes: [UInt8]) -> [(name: String, value: Value)]? {
    var reader = FlatJSON(rest: bytes[...])
    reader.space()
    guard let fields = reader.object(depth: 0) else { return nil }
    reader.space()
    return reader.rest.isEmpty ? fields : nil
  }

  private mutating func space() { rest = rest.drop { [0x20, 0x09, 0x0a, 0x0d].contains($0) } }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard rest.first == UInt8(ascii: character) else { return false }
    rest.removeFirst()
    return true
  }

  private mutating func object(depth: Int) -> [(name: String, value: Value)]? {
    guard take("{") else { return nil }
    var fields: [(name: String, value: Value)] = []
    space()
    if take("}") { return fields }
    while true {
      space()
      guard let name = text() else { return nil }
      space()
      guard take(":"), let value = value(depth: depth) else { return nil }
      fields.append((name, value))
      space()
      if take("}") { return fields }
      guard take(",") else { return nil }
    }
  }

  private mutating func list(depth: Int) -> Bool {
    guard take("[") else { return false }
    space()
    if take("]") { return true }
    while value(depth: depth) != nil {
      space()
      if take("]") { return true }
      guard take(",") else { return false }
    }
    return false
  }

  private mutating func value(depth: Int) -> Value? {
    space()
    switch rest.first {
    case UInt8(ascii: "\""): return text().map { .text($0) }
    case UInt8(ascii: "{"):
      return depth < Self.deepest && object(depth: depth + 1) != nil ? .other : nil
    case UInt8(ascii: "["): return depth < Self.deepest && list(depth: depth + 1) ? .other : nil
    case UInt8(ascii: "t"), UInt8(ascii: "f"), UInt8(ascii: "n"):
      for word in ["true", "false", "null"] where rest.starts(with: word.utf8) {
        rest = rest.dropFirst(word.utf8.count)
        return .other
      }
      return nil
    default: return number()
    }
  }

  private mutating func digits() -> Bool {
    let count = rest.prefix { (0x30...0x39).contains($0) }.count
    rest = rest.dropFirst(count)
    return count > 0
  }

  private mutating func number() -> Value? {
    let start = rest
    _ = take("-")
    if take("0") {
      if let next = rest.first, (0x30...0x39).contains(next) { return nil }
    } else if !digits() {
      return nil
    }
    var isWhole = true
    if take(".") {
      isWhole = false
      guard digits() else { return nil }
    }
    if take("e") || take("E") {
      isWhole = false
      if !take("+") { _ = take("-") }
      guard digits() else { return nil }
    }
    let spelled = String(decoding: start[start.startIndex..<rest.startIndex], as: UTF8.self)
    return isWhole ? Int(spelled).map { .whole($0) } ?? .other : .other
  }

  private mutating func text() -> String? {
    guard take("\"") else { return nil }
    var bytes: [UInt8] = []
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "\""): return String(validating: bytes, as: UTF8.self)
      case UInt8(ascii: "\\"): guard escape(&bytes) else { return nil }
      case 0..<0x20: return nil
      default: bytes.append(byte)
      }
    }
    return nil
  }

  private mutating func escape(_ bytes: inout [UInt8]) -> Bool {
    let plain: [UInt8: UInt8] = [
      0x22: 0x22, 0x5c: 0x5c, 0x2f: 0x2f, 0x62: 8, 0x66: 12, 0x6e: 10, 0x72: 13, 0x74: 9,
    ]
    guard let byte = rest.popFirst() else { return false }
    if let meant = plain[byte] {
      bytes.append(meant)
      return true
    }
    guard byte == UInt8(ascii: "u"), var code = hex() else { return false }
    if (0xd800..<0xdc00).contains(code) {
      guard take("\\"), take("u"), let low = hex(), (0xdc00..<0xe000).contains(low) else {
        return false
      }
      code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
    }
    guard let scalar = Unicode.Scalar(code) else { return false }
    bytes.append(contentsOf: Character(scalar).utf8)
    return true
  }

  private mutating func hex() -> UInt32? {
    let spelled = rest.prefix(4)
    guard spelled.count == 4, spelled.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit })
    else { return nil }
    rest = rest.dropFirst(4)
    return UInt32(String(decoding: spelled, as: UTF8.self), radix: 16)
  }
}
