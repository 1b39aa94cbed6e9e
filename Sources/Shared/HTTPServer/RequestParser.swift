// DESIGN
// One parser per connection. It is given all bytes from the start of the current request, again and with
// more of them, until it has a request or a refusal, and remembers how far it has looked: no byte is looked at
// twice by the line scan, and how the input was cut into reads never changes the outcome. Lines are
// judged as they end, so that nonsense is refused without waiting for the rest. It keeps positions, never
// pointers; the bytes stay where they were received.

/// Why a request is refused by the server itself.
struct Refusal: Error, Equatable {
  let status: Int
  /// Never quotes the client.
  let reason: String

  init(_ status: Int, _ reason: String) {
    self.status = status
    self.reason = reason
  }
}

/// What every request has to keep to.
struct ParserRules: Sendable {
  let limits: HTTPLimits
  /// In lower case; each of them at most once in a request.
  let singleHeaders: [StaticString]

  init(limits: HTTPLimits, singleHeaders: [StaticString] = []) {
    self.limits = limits
    self.singleHeaders = ["host", "content-length"] + singleHeaders
    precondition(
      self.singleHeaders.count <= 64
        && singleHeaders.map(\.description).allSatisfy { $0 == $0.lowercased() })
  }
}

/// Reads one request after another out of a connection's bytes.
struct RequestParser {
  enum Outcome {
    case needsMore
    /// The request, and how many of the bytes were its own.
    case request(HTTPRequest, consumed: Int)
    case refused(Refusal)
  }

  private enum Stage {
    case requestLine
    case headers
    case body
  }

  private var stage = Stage.requestLine
  /// The first byte that was not looked at.
  private var position = 0
  private var lineStart = 0
  private var headersStart = 0
  private var skippedEmptyLine = false
  private(set) var line = RequestLine()
  private var headers = HeaderBlock()
  private var framing = Framing()
  private var owesContinue = false

  /// Whether the first byte of a request has come; a lone empty line before one does not count.
  var hasBegun: Bool { stage != .requestLine || position > lineStart }

  /// True once when the client waits for `100 Continue` before it sends the body.
  mutating func takeContinue() -> Bool {
    defer { owesContinue = false }
    return owesContinue
  }

  mutating func parse(_ bytes: Span<UInt8>, _ rules: ParserRules) -> Outcome {
    do throws(Refusal) {
      guard try readHead(bytes, rules), bytes.count >= position + framing.bodyBytes else {
        return .needsMore
      }
      return finish(bytes)
    } catch {
      return .refused(error)
    }
  }

  /// True when the head is complete.
  private mutating func readHead(
    _ bytes: Span<UInt8>, _ rules: ParserRules
  ) throws(Refusal) -> Bool {
    while stage != .body {
      guard let end = try scanLine(bytes, rules.limits) else { return false }
      let range = lineStart..<end
      switch stage {
      case .requestLine where range.isEmpty && !skippedEmptyLine:
        skippedEmptyLine = true
      case .requestLine:
        line = try RequestLine(bytes, range)
        stage = .headers
        headersStart = position
      case .headers where range.isEmpty:
        framing = try Framing(headers, line, rules.limits)
        owesContinue = framing.expectsContinue && bytes.count < position + framing.bodyBytes
        stage = .body
      case .headers:
        try headers.add(bytes, range, rules)
      case .body: break
      }
      lineStart = position
    }
    return true
  }

  /// Looks for the end of the current line and returns it, without CR LF. Nil: not there yet.
  private mutating func scanLine(
    _ bytes: Span<UInt8>, _ limits: HTTPLimits
  ) throws(Refusal) -> Int? {
    // The line end itself may lie beyond a request line's limit, not beyond the headers'.
    let inHeaders = stage == .headers
    let limit =
      inHeaders ? headersStart + limits.headerBytes : lineStart + limits.requestLineBytes + 2
    var index = position
    defer { position = index }
    while index < bytes.count {
      let byte = bytes[index]
      let followsReturn = index > lineStart && bytes[index - 1] == Byte.carriageReturn
      if index >= limit || (!inHeaders && index == limit - 2 && byte != Byte.carriageReturn) {
        throw inHeaders ? Refusal(431, "headers too large") : Refusal(414, "request line too long")
      }
      if byte == Byte.lineFeed {
        guard followsReturn else { throw Refusal(400, "line feed without carriage return") }
        index += 1
        return index - 2
      }
      if followsReturn { throw Refusal(400, "carriage return without line feed") }
      if Byte.isControl(byte), byte != Byte.carriageReturn, byte != Byte.tab {
        throw Refusal(400, "control character in the head")
      }
      index += 1
    }
    return nil
  }

  private mutating func finish(_ bytes: Span<UInt8>) -> Outcome {
    let end = position + framing.bodyBytes
    let target = line.target
    let request = HTTPRequest(
      method: line.method,
      path: target.path.isEmpty ? "/" : bytes.string(target.path),
      query: target.query.map { bytes.string($0) },
      body: position == end ? [] : bytes.array(position..<end),
      head: bytes.array(0..<position), fields: headers.fields, target: line.targetRange,
      minorVersion: line.minorVersion, keepsAlive: framing.keepsAlive)
    self = RequestParser()
    return .request(request, consumed: end)
  }
}
