/// Where a request's target has its path and its query.
struct RequestTarget {
  /// Empty: an absolute form without a path, which means `/`.
  let path: Range<Int>
  let query: Range<Int>?

  /// Reads the origin form (`/path?query`), the absolute form (`http://host/path?query`, whose host is
  /// checked and not used) and, for OPTIONS, `*`. Nil for anything else: a fragment, an unencoded
  /// character that does not belong there, a broken percent-encoding.
  init?(_ bytes: Span<UInt8>, _ range: Range<Int>, method: HTTPMethod) {
    guard !range.isEmpty else { return nil }
    if bytes.holds("*", in: range) {
      guard method == .options else { return nil }
      path = range
      query = nil
      return
    }
    var start = range.lowerBound
    if bytes[start] != Byte.slash {
      guard let end = Self.authorityEnd(bytes, range) else { return nil }
      start = end
    }
    let question = bytes.first(Byte.question, in: start..<range.upperBound)
    path = start..<(question ?? range.upperBound)
    query = question.map { ($0 + 1)..<range.upperBound }
    guard bytes.isEncoded(Byte.path, in: path) else { return nil }
    if let query, !bytes.isEncoded(Byte.query, in: query) { return nil }
  }

  /// The end of `http://host:port` at the start of the range.
  private static func authorityEnd(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int? {
    guard let colon = bytes.first(Byte.colon, in: range), colon + 3 <= range.upperBound,
      bytes[colon + 1] == Byte.slash, bytes[colon + 2] == Byte.slash
    else { return nil }
    let scheme = range.lowerBound..<colon
    guard bytes.hasName("http", in: scheme) || bytes.hasName("https", in: scheme) else {
      return nil
    }
    let start = colon + 3
    var end = start
    while end < range.upperBound, bytes[end] != Byte.slash, bytes[end] != Byte.question {
      end += 1
    }
    guard end > start, isAuthority(bytes, start..<end) else { return nil }
    return end
  }

  /// Whether the range is `host`, `host:port` or empty, as a Host header may be. User information
  /// (`user@`) is refused.
  static func isAuthority(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
    var hostEnd = range.lowerBound
    if hostEnd < range.upperBound, bytes[hostEnd] == UInt8(ascii: "[") {
      guard let close = bytes.first(UInt8(ascii: "]"), in: range), close > hostEnd + 1 else {
        return false
      }
      for index in (hostEnd + 1)..<close {
        let byte = bytes[index]
        guard Byte.host.contains(byte) || byte == Byte.colon else { return false }
      }
      hostEnd = close + 1
    } else {
      hostEnd = bytes.first(Byte.colon, in: range) ?? range.upperBound
      guard bytes.isEncoded(Byte.host, in: range.lowerBound..<hostEnd) else { return false }
    }
    if hostEnd == range.upperBound { return true }
    guard bytes[hostEnd] == Byte.colon, range.upperBound - hostEnd <= 6 else { return false }
    for index in (hostEnd + 1)..<range.upperBound where !Byte.isDigit(bytes[index]) { return false }
    return true
  }
}
