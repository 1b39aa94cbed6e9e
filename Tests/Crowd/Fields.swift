/// The fields of a reply that the crowd needs, read in one pass over a flat JSON object.
///
/// A reader of its own, so that a mistake in the services' encoder is not read back by its twin. Nested
/// values are refused, except that arrays and objects under unknown names are skipped.
struct Fields {
  var activity = 0
  var slot = 0
  var total = 0
  var status = ""
  var code = ""
  var lockKey = ""
  var requestId = ""
  var replayed = false

  private var position = 0

  /// False when `bytes` is not an object.
  mutating func read(_ bytes: [UInt8]) -> Bool {
    bytes.withUnsafeBufferPointer { read($0) }
  }

  private mutating func read(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    position = 0
    guard next(bytes) == UInt8(ascii: "{") else { return false }
    position += 1
    if next(bytes) == UInt8(ascii: "}") { return end(bytes) }
    while true {
      guard let name = string(bytes), next(bytes) == UInt8(ascii: ":") else { return false }
      position += 1
      guard value(bytes, of: name) else { return false }
      switch next(bytes) {
      case UInt8(ascii: ","): position += 1
      case UInt8(ascii: "}"): return end(bytes)
      default: return false
      }
    }
  }

  private mutating func end(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    position += 1
    return next(bytes) == nil
  }

  /// The next byte that is not white space, left unread.
  private mutating func next(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt8? {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x0A, 0x0D, 0x09: position += 1
      default: return bytes[position]
      }
    }
    return nil
  }

  /// A string's text; escapes are kept as they are written, for none of our fields has any.
  private mutating func string(_ bytes: UnsafeBufferPointer<UInt8>) -> String? {
    guard next(bytes) == UInt8(ascii: "\"") else { return nil }
    position += 1
    let start = position
    while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
      position += bytes[position] == UInt8(ascii: "\\") ? 2 : 1
    }
    guard position < bytes.count else { return nil }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    position += 1
    return text
  }

  private mutating func value(
    _ bytes: UnsafeBufferPointer<UInt8>, of name: String
  ) -> Bool {
    switch next(bytes) {
    case UInt8(ascii: "\""):
      guard let text = string(bytes) else { return false }
      set(name, to: text)
      return true
    case UInt8(ascii: "{"), UInt8(ascii: "["): return skip(bytes)
    case nil: return false
    default:
      let start = position
      while position < bytes.count, !",}] \n\r\t".utf8.contains(bytes[position]) { position += 1 }
      return set(
        name, toWord: String(decoding: bytes[start..<position], as: UTF8.self))
    }
  }

  /// Over an array or object with all that is in it.
  private mutating func skip(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    var depth = 0
    while let byte = next(bytes) {
      switch byte {
      case UInt8(ascii: "\""): if string(bytes) == nil { return false } else { continue }
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
      default: break
      }
      position += 1
      if depth == 0 { return true }
    }
    return false
  }

  private mutating func set(_ name: String, to text: String) {
    switch name {
    case "status": status = text
    case "code": code = text
    case "lockKey": lockKey = text
    case "requestId": requestId = text
    default: break
    }
  }

  /// A number or a literal.
  private mutating func set(_ name: String, toWord word: String) -> Bool {
    switch name {
    case "activity", "slot", "total":
      guard let number = Int(word) else { return false }
      if name == "activity" { activity = number }
      if name == "slot" { slot = number }
      if name == "total" { total = number }
    case "replayed":
      guard word == "true" || word == "false" else { return false }
      replayed = word == "true"
    default: return !word.isEmpty
    }
    return true
  }
}
