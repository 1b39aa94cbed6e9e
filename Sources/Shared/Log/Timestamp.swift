internal import Glibc

/// `2026-01-01T00:00:00.000Z` for milliseconds since 1970 (before it, below 0).
public func timestamp(ms: Int64) -> String {
  let milliseconds = (ms % 1_000 + 1_000) % 1_000
  var seconds = time_t((ms - milliseconds) / 1_000)
  var parts = tm()
  gmtime_r(&seconds, &parts)
  var text: [UInt8] = []
  text.reserveCapacity(24)
  func append(_ value: Int, digits: Int, _ after: Unicode.Scalar) {
    let number = String(value)
    for _ in number.utf8.count..<max(digits, number.utf8.count) { text.append(UInt8(ascii: "0")) }
    text.append(contentsOf: number.utf8)
    text.append(UInt8(ascii: after))
  }
  append(Int(parts.tm_year) + 1_900, digits: 4, "-")
  append(Int(parts.tm_mon) + 1, digits: 2, "-")
  append(Int(parts.tm_mday), digits: 2, "T")
  append(Int(parts.tm_hour), digits: 2, ":")
  append(Int(parts.tm_min), digits: 2, ":")
  append(Int(parts.tm_sec), digits: 2, ".")
  append(Int(milliseconds), digits: 3, "Z")
  return String(decoding: text, as: UTF8.self)
}
