/// The first line of a request: `METHOD SP target SP HTTP/1.x`.
struct RequestLine {
  var method = HTTPMethod.get
  var targetRange = 0..<0
  var target: RequestTarget
  var minorVersion = 1

  init() { target = RequestTarget() }

  init(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(Refusal) {
    guard let first = bytes.first(Byte.space, in: range),
      let second = bytes.first(Byte.space, in: (first + 1)..<range.upperBound)
    else { throw Refusal(400, "request line malformed") }
    let methodRange = range.lowerBound..<first
    guard !methodRange.isEmpty, methodRange.allSatisfy({ Byte.token.contains(bytes[$0]) }) else {
      throw Refusal(400, "method malformed")
    }
    minorVersion = try Self.minorVersion(bytes, (second + 1)..<range.upperBound)
    guard let method = Self.method(bytes, methodRange), method != .trace, method != .connect else {
      throw Refusal(501, "method not implemented")
    }
    self.method = method
    targetRange = (first + 1)..<second
    guard let target = RequestTarget(bytes, targetRange, method: method) else {
      throw Refusal(400, "request target malformed")
    }
    self.target = target
  }

  private static func minorVersion(
    _ bytes: Span<UInt8>, _ range: Range<Int>
  ) throws(Refusal) -> Int {
    let start = range.lowerBound
    guard range.count == 8, bytes.holds("HTTP/", in: start..<(start + 5)),
      Byte.isDigit(bytes[start + 5]), bytes[start + 6] == UInt8(ascii: "."),
      Byte.isDigit(bytes[start + 7])
    else { throw Refusal(400, "request line malformed") }
    guard bytes[start + 5] == UInt8(ascii: "1") else {
      throw Refusal(505, "HTTP version not supported")
    }
    return Int(bytes[start + 7] - 0x30)
  }

  private static func method(_ bytes: Span<UInt8>, _ range: Range<Int>) -> HTTPMethod? {
    switch range.count {
    case 3: bytes.holds("GET", in: range) ? .get : bytes.holds("PUT", in: range) ? .put : nil
    case 4: bytes.holds("POST", in: range) ? .post : bytes.holds("HEAD", in: range) ? .head : nil
    case 6: bytes.holds("DELETE", in: range) ? .delete : nil
    case 5, 7: HTTPMethod(rawValue: bytes.string(range))
    default: nil
    }
  }
}

/// The header lines of a request, and what those mean that frame it.
struct HeaderBlock {
  private(set) var fields: [HeaderField] = []
  /// A bit for each of the rules' single headers that was seen.
  private var seen: UInt64 = 0
  private(set) var hasHost = false
  private(set) var contentLength: Int?
  /// Nil: no Transfer-Encoding.
  private(set) var transferEncoding: TransferEncoding?
  private(set) var asksToClose = false
  private(set) var asksToKeepAlive = false
  private(set) var expectation: Expectation?

  enum TransferEncoding {
    case chunked
    /// Something else first, chunked last.
    case otherThenChunked
    /// A body whose end nobody could know.
    case endless
  }

  enum Expectation {
    case `continue`
    case other
  }

  mutating func add(
    _ bytes: Span<UInt8>, _ line: Range<Int>, _ rules: ParserRules
  ) throws(Refusal) {
    if bytes[line.lowerBound] == Byte.space || bytes[line.lowerBound] == Byte.tab {
      throw Refusal(400, "folded header line")
    }
    guard let colon = bytes.first(Byte.colon, in: line), colon > line.lowerBound else {
      throw Refusal(400, "header line without a name")
    }
    let name = line.lowerBound..<colon
    for index in name where !Byte.token.contains(bytes[index]) {
      throw Refusal(400, "header name malformed")
    }
    guard fields.count < rules.limits.headerCount else { throw Refusal(431, "too many headers") }
    for (index, single) in rules.singleHeaders.enumerated()
    where bytes.hasName(single, in: name) {
      if seen & (1 << UInt64(index)) != 0 { throw Refusal(400, "\(single) header repeated") }
      seen |= 1 << UInt64(index)
    }
    let value = bytes.trimmed((colon + 1)..<line.upperBound)
    if fields.isEmpty { fields.reserveCapacity(8) }
    fields.append(HeaderField(name: name, value: value))
    try note(bytes, name, value)
  }

  /// Remembers what frames the request.
  private mutating func note(
    _ bytes: Span<UInt8>, _ name: Range<Int>, _ value: Range<Int>
  ) throws(Refusal) {
    switch name.count {
    case 4 where bytes.hasName("host", in: name):
      guard RequestTarget.isAuthority(bytes, value) else {
        throw Refusal(400, "Host header malformed")
      }
      hasHost = true
    case 6 where bytes.hasName("expect", in: name):
      let isContinue = bytes.hasName("100-continue", in: value)
      expectation = isContinue && expectation != .other ? .continue : .other
    case 10 where bytes.hasName("connection", in: name):
      bytes.forEachListed(value) { item in
        if bytes.hasName("close", in: item) { asksToClose = true }
        if bytes.hasName("keep-alive", in: item) { asksToKeepAlive = true }
      }
    case 14 where bytes.hasName("content-length", in: name):
      contentLength = try Self.length(bytes, value)
    case 17 where bytes.hasName("transfer-encoding", in: name):
      noteCodings(bytes, value)
    default: break
    }
  }

  private mutating func noteCodings(_ bytes: Span<UInt8>, _ value: Range<Int>) {
    var encoding = transferEncoding ?? .endless
    var isFirst = transferEncoding == nil
    bytes.forEachListed(value) { item in
      let isChunked = bytes.hasName("chunked", in: item)
      // Chunked twice, or anything after chunked, leaves the end of the body unknown.
      let hadChunked = !isFirst && encoding != .endless
      if isChunked, !hadChunked {
        encoding = isFirst ? .chunked : .otherThenChunked
      } else {
        encoding = .endless
      }
      isFirst = false
    }
    transferEncoding = encoding
  }

  private static func length(_ bytes: Span<UInt8>, _ value: Range<Int>) throws(Refusal) -> Int {
    guard !value.isEmpty, value.allSatisfy({ Byte.isDigit(bytes[$0]) }) else {
      throw Refusal(400, "Content-Length malformed")
    }
    guard value.count <= 18 else { throw Refusal(413, "body too large") }
    return value.reduce(0) { $0 * 10 + Int(bytes[$1] - 0x30) }
  }
}

/// What the whole head says about the body and the connection.
struct Framing {
  var bodyBytes = 0
  var keepsAlive = true
  var expectsContinue = false

  init() {}

  init(_ headers: HeaderBlock, _ line: RequestLine, _ limits: HTTPLimits) throws(Refusal) {
    let isOld = line.minorVersion == 0
    if !isOld, !headers.hasHost { throw Refusal(400, "Host header missing") }
    if let encoding = headers.transferEncoding {
      if headers.contentLength != nil {
        throw Refusal(400, "Transfer-Encoding together with Content-Length")
      }
      if isOld { throw Refusal(400, "Transfer-Encoding in HTTP/1.0") }
      switch encoding {
      case .chunked: throw Refusal(411, "chunked body: Content-Length needed")
      case .otherThenChunked: throw Refusal(501, "transfer coding not implemented")
      case .endless: throw Refusal(400, "Transfer-Encoding does not end with chunked")
      }
    }
    bodyBytes = headers.contentLength ?? 0
    if bodyBytes > limits.bodyBytes { throw Refusal(413, "body too large") }
    if let expectation = headers.expectation, !isOld {
      if expectation == .other { throw Refusal(417, "expectation not supported") }
      expectsContinue = true
    }
    keepsAlive = !headers.asksToClose && (!isOld || headers.asksToKeepAlive)
  }
}

extension RequestTarget {
  init() {
    path = 0..<0
    query = nil
  }
}

extension Span<UInt8> {
  /// Calls `body` with each non-empty item of a comma-separated list, trimmed.
  func forEachListed(_ range: Range<Int>, _ body: (Range<Int>) -> Void) {
    var start = range.lowerBound
    while start < range.upperBound {
      let end = first(Byte.comma, in: start..<range.upperBound) ?? range.upperBound
      let item = trimmed(start..<end)
      if !item.isEmpty { body(item) }
      start = end + 1
    }
  }
}
