import Glibc

/// Times as people write them on the command line.
enum TimeText {
  /// `2026-01-31T20:00:00Z`, with milliseconds or without; milliseconds since 1970. Nil for anything else.
  static func milliseconds(_ text: String) -> Int64? {
    let bytes = Array(text.utf8)
    guard bytes.count == 20 || bytes.count == 24, bytes.last == UInt8(ascii: "Z") else {
      return nil
    }
    let pattern = bytes.count == 20 ? "0000-00-00T00:00:00Z" : "0000-00-00T00:00:00.000Z"
    for (byte, expected) in zip(bytes, pattern.utf8) {
      let isDigit = (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      if expected == UInt8(ascii: "0") ? !isDigit : byte != expected { return nil }
    }
    func number(_ range: Range<Int>) -> Int32 {
      bytes[range].reduce(0) { $0 * 10 + Int32($1 - UInt8(ascii: "0")) }
    }
    var parts = tm()
    parts.tm_year = number(0..<4) - 1_900
    parts.tm_mon = number(5..<7) - 1
    parts.tm_mday = number(8..<10)
    parts.tm_hour = number(11..<13)
    parts.tm_min = number(14..<16)
    parts.tm_sec = number(17..<19)
    let (month, day) = (parts.tm_mon, parts.tm_mday)
    guard parts.tm_hour < 24, parts.tm_min < 60, parts.tm_sec < 60, number(0..<4) >= 1_970 else {
      return nil
    }
    let seconds = timegm(&parts)
    // The 31st of a month of 30 days comes back as another day.
    guard parts.tm_mon == month, parts.tm_mday == day else { return nil }
    return Int64(seconds) * 1_000 + (bytes.count == 24 ? Int64(number(20..<23)) : 0)
  }

  /// `+30s`, `+15m`, `+2h`, `+7d`, at most ten years; milliseconds. Nil for anything else.
  static func durationMs(_ text: String) -> Int64? {
    let units: [Character: Int64] = ["s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000]
    guard text.first == "+", let last = text.last, let unit = units[last] else { return nil }
    let digits = text.dropFirst().dropLast()
    guard !digits.isEmpty, digits.count <= 9, digits.allSatisfy(\.isASCII),
      digits.allSatisfy(\.isNumber), let number = Int64(digits), number > 0,
      number * unit <= 3_650 * 86_400_000
    else { return nil }
    return number * unit
  }
}
