/// Appends one JSON text to a byte array, by hand: ten times quicker than JSONEncoder, and it goes into
/// every event, reply and log line. Commas are its business; that objects are closed is the caller's.
public struct JSONWriter: Sendable {
  public private(set) var bytes: [UInt8] = []
  private var needsComma = false

  /// `capacity` is what the text will roughly take, in bytes.
  public init(capacity: Int = 192) { bytes.reserveCapacity(capacity) }

  /// Begins another text in the same memory.
  public mutating func startAgain() {
    bytes.removeAll(keepingCapacity: true)
    needsComma = false
  }

  public mutating func beginObject() { open(UInt8(ascii: "{")) }
  public mutating func endObject() { close(UInt8(ascii: "}")) }
  public mutating func beginArray() { open(UInt8(ascii: "[")) }
  public mutating func endArray() { close(UInt8(ascii: "]")) }

  /// The name of the field that the next value belongs to.
  public mutating func key(_ name: StaticString) {
    separate()
    bytes.append(UInt8(ascii: "\""))
    name.withUTF8Buffer { bytes.append(contentsOf: $0) }
    bytes.append(UInt8(ascii: "\""))
    bytes.append(UInt8(ascii: ":"))
    needsComma = false
  }

  public mutating func key(_ name: String) {
    string(name)
    bytes.append(UInt8(ascii: ":"))
    needsComma = false
  }

  public mutating func string(_ value: String) {
    separate()
    bytes.append(UInt8(ascii: "\""))
    var value = value
    value.withUTF8 { text in
      if text.contains(where: Self.needsEscape) {
        for byte in text { escape(byte) }
      } else {
        bytes.append(contentsOf: text)
      }
    }
    bytes.append(UInt8(ascii: "\""))
    needsComma = true
  }

  /// Most numbers are of this type, and a generic one costs more from another module.
  public mutating func integer(_ value: Int64) {
    separate()
    if value < 0 { bytes.append(UInt8(ascii: "-")) }
    bytes.append(decimal: value.magnitude)
    needsComma = true
  }

  /// A whole number of up to 64 bits, signed or not.
  public mutating func integer(_ value: some BinaryInteger) {
    separate()
    if value < 0 { bytes.append(UInt8(ascii: "-")) }
    bytes.append(decimal: UInt64(value.magnitude))
    needsComma = true
  }

  /// A number with `decimals` (0…9) digits after the point; infinities and NaN, which JSON has not, become
  /// null, and what is too large to be rounded so exactly is written as Swift prints it (`1e+16`).
  public mutating func number(_ value: Double, decimals: Int = 3) {
    precondition((0...9).contains(decimals))
    guard value.isFinite else { return null() }
    separate()
    needsComma = true
    let scale = (0..<decimals).reduce(UInt64(1)) { scale, _ in scale * 10 }
    let exact = value.magnitude * Double(scale)
    guard exact < 0x1p53 else {
      bytes.append(contentsOf: value.description.utf8)
      return
    }
    let scaled = UInt64(exact.rounded())
    if value < 0, scaled > 0 { bytes.append(UInt8(ascii: "-")) }
    bytes.append(decimal: scaled / scale)
    if decimals > 0 {
      bytes.append(UInt8(ascii: "."))
      let fraction = String(scaled % scale)
      for _ in fraction.utf8.count..<decimals { bytes.append(UInt8(ascii: "0")) }
      bytes.append(contentsOf: fraction.utf8)
    }
  }

  public mutating func bool(_ value: Bool) { literal(value ? "true" : "false") }
  public mutating func null() { literal("null") }

  /// A finished JSON value, as it is.
  public mutating func raw(_ value: [UInt8]) {
    separate()
    bytes.append(contentsOf: value)
    needsComma = true
  }

  public mutating func field(_ name: StaticString, _ value: String) {
    key(name)
    string(value)
  }

  public mutating func field(_ name: StaticString, _ value: Int64) {
    key(name)
    integer(value)
  }

  public mutating func field(_ name: StaticString, _ value: some BinaryInteger) {
    key(name)
    integer(value)
  }

  public mutating func field(_ name: StaticString, _ value: Bool) {
    key(name)
    bool(value)
  }

  private mutating func literal(_ text: StaticString) {
    separate()
    text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    needsComma = true
  }

  private mutating func open(_ bracket: UInt8) {
    separate()
    bytes.append(bracket)
    needsComma = false
  }

  private mutating func close(_ bracket: UInt8) {
    bytes.append(bracket)
    needsComma = true
  }

  private mutating func separate() {
    if needsComma { bytes.append(UInt8(ascii: ",")) }
  }

  private static func needsEscape(_ byte: UInt8) -> Bool {
    byte < 0x20 || byte == 0x7f || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
  }

  private mutating func escape(_ byte: UInt8) {
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"):
      bytes.append(UInt8(ascii: "\\"))
      bytes.append(byte)
    case UInt8(ascii: "\n"):
      bytes.append(UInt8(ascii: "\\"))
      bytes.append(UInt8(ascii: "n"))
    case 0..<0x20, 0x7f:
      bytes.append(contentsOf: "\\u00".utf8)
      bytes.append(Self.hex[Int(byte >> 4)])
      bytes.append(Self.hex[Int(byte & 15)])
    default:
      bytes.append(byte)
    }
  }

  private static let hex = Array("0123456789abcdef".utf8)
}

extension [UInt8] {
  /// Appends a number's decimal digits.
  public mutating func append(decimal value: UInt64) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
      var (rest, first) = (value, digits.count)
      repeat {
        first -= 1
        digits.initializeElement(at: first, to: UInt8(ascii: "0") + UInt8(rest % 10))
        rest /= 10
      } while rest > 0
      append(contentsOf: UnsafeBufferPointer(rebasing: digits[first...]))
    }
  }
}
