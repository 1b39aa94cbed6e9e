/// The byte classes of RFC 9110 and RFC 3986, and comparisons, over spans: each access is checked.
enum Byte {
  static let tab: UInt8 = 0x09
  static let lineFeed: UInt8 = 0x0A
  static let carriageReturn: UInt8 = 0x0D
  static let space: UInt8 = 0x20
  static let percent = UInt8(ascii: "%")
  static let slash = UInt8(ascii: "/")
  static let colon = UInt8(ascii: ":")
  static let question = UInt8(ascii: "?")
  static let comma = UInt8(ascii: ",")

  /// 128 bits, one per ASCII character.
  struct Class {
    private let low: UInt64
    private let high: UInt64

    init(lettersDigitsAnd others: String) {
      var bits: (low: UInt64, high: UInt64) = (0, 0)
      let letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
      for byte in (letters + others).utf8 {
        if byte < 64 { bits.low |= 1 << UInt64(byte) } else { bits.high |= 1 << UInt64(byte - 64) }
      }
      low = bits.low
      high = bits.high
    }

    @inline(__always)
    func contains(_ byte: UInt8) -> Bool {
      if byte < 64 { return (low >> UInt64(byte)) & 1 == 1 }
      return byte < 128 && (high >> UInt64(byte - 64)) & 1 == 1
    }
  }

  /// Of methods and header names.
  static let token = Class(lettersDigitsAnd: "!#$%&'*+-.^_`|~")
  /// Of a path's segments, percent-encoding aside.
  static let path = Class(lettersDigitsAnd: "-._~!$&'()*+,;=:@/")
  /// Of a query, percent-encoding aside.
  static let query = Class(lettersDigitsAnd: "-._~!$&'()*+,;=:@/?")
  /// Of a host's name, percent-encoding aside; an IPv6 address stands in brackets.
  static let host = Class(lettersDigitsAnd: "-._~!$&'()*+,;=")

  static func isControl(_ byte: UInt8) -> Bool { byte < 0x20 || byte == 0x7F }
  static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }
  static func isHexDigit(_ byte: UInt8) -> Bool { isDigit(byte) || (byte | 0x20) &- 0x61 < 6 }

  static func lowercase(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }
}

extension Span<UInt8> {
  /// Whether the range holds `lowercaseName` in any case.
  func hasName(_ lowercaseName: StaticString, in range: Range<Int>) -> Bool {
    guard range.count == lowercaseName.utf8CodeUnitCount else { return false }
    return lowercaseName.withUTF8Buffer { expected in
      for offset in 0..<expected.count
      where Byte.lowercase(self[range.lowerBound + offset]) != expected[offset] { return false }
      return true
    }
  }

  /// Whether the range holds exactly these bytes.
  func holds(_ text: StaticString, in range: Range<Int>) -> Bool {
    guard range.count == text.utf8CodeUnitCount else { return false }
    return text.withUTF8Buffer { expected in
      for offset in 0..<expected.count
      where self[range.lowerBound + offset] != expected[offset] { return false }
      return true
    }
  }

  func first(_ byte: UInt8, in range: Range<Int>) -> Int? {
    for index in range where self[index] == byte { return index }
    return nil
  }

  /// The range without spaces and tabs at its ends.
  func trimmed(_ range: Range<Int>) -> Range<Int> {
    func isBlank(_ index: Int) -> Bool { self[index] == Byte.space || self[index] == Byte.tab }
    var (lower, upper) = (range.lowerBound, range.upperBound)
    while lower < upper, isBlank(lower) { lower += 1 }
    while lower < upper, isBlank(upper - 1) { upper -= 1 }
    return lower..<upper
  }

  /// Whether every byte belongs to the class or is part of a percent-encoding.
  func isEncoded(_ allowed: Byte.Class, in range: Range<Int>) -> Bool {
    var index = range.lowerBound
    while index < range.upperBound {
      if allowed.contains(self[index]) {
        index += 1
      } else {
        guard self[index] == Byte.percent, index + 2 < range.upperBound,
          Byte.isHexDigit(self[index + 1]), Byte.isHexDigit(self[index + 2])
        else { return false }
        index += 3
      }
    }
    return true
  }

  func array(_ range: Range<Int>) -> [UInt8] {
    withUnsafeBufferPointer { Array($0[range]) }
  }

  func string(_ range: Range<Int>) -> String {
    withUnsafeBufferPointer { String(decoding: $0[range], as: UTF8.self) }
  }
}
