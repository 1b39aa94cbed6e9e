import Testing

@testable import HTTPServer

/// An input that is refused, and how.
struct Refused: Sendable, CustomTestStringConvertible {
  let name: String
  let input: String
  let status: Int
  let reason: String

  init(_ name: String, _ input: String, _ status: Int, _ reason: String) {
    self.name = name
    self.input = input
    self.status = status
    self.reason = reason
  }

  var testDescription: String { name }
}

private let line = "GET / HTTP/1.1\r\n"
private let host = "Host: a\r\n"

private func withHeaders(_ headers: String) -> String { line + host + headers + "\r\n\r\n" }
private func withTarget(_ target: String) -> String { "GET \(target) HTTP/1.1\r\n\(host)\r\n" }

private let badLines: [Refused] = [
  Refused("one word", "GET\r\n", 400, "request line malformed"),
  Refused("HTTP/0.9", "GET /\r\n", 400, "request line malformed"),
  Refused("two empty lines first", "\r\n\r\n" + line, 400, "request line malformed"),
  Refused("space first", " GET / HTTP/1.1\r\n", 400, "method malformed"),
  Refused("no method characters", "G(T / HTTP/1.1\r\n", 400, "method malformed"),
  Refused("three spaces", "GET / x HTTP/1.1\r\n", 400, "request line malformed"),
  Refused("two spaces together", "GET  / HTTP/1.1\r\n", 400, "request line malformed"),
  Refused("space at the end", "GET / HTTP/1.1 \r\n", 400, "request line malformed"),
  Refused("tab between", "GET\t/ HTTP/1.1\r\n", 400, "request line malformed"),
  Refused("http in small letters", "GET / http/1.1\r\n", 400, "request line malformed"),
  Refused("version without minor", "GET / HTTP/1\r\n", 400, "request line malformed"),
  Refused("version too long", "GET / HTTP/1.10\r\n", 400, "request line malformed"),
  Refused("HTTP/2.0", "GET / HTTP/2.0\r\n", 505, "HTTP version not supported"),
  Refused("HTTP/0.9 named", "GET / HTTP/0.9\r\n", 505, "HTTP version not supported"),
  Refused("HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM", 505, "HTTP version not supported"),
  Refused("unknown method", "BREW / HTTP/1.1\r\n", 501, "method not implemented"),
  Refused("method in small letters", "get / HTTP/1.1\r\n", 501, "method not implemented"),
  Refused("TRACE", "TRACE / HTTP/1.1\r\n", 501, "method not implemented"),
  Refused("CONNECT", "CONNECT a:1 HTTP/1.1\r\n", 501, "method not implemented"),
  Refused("TLS", "\u{16}\u{3}\u{1}\u{2}\u{0}", 400, "control character in the head"),
  Refused("line feed alone", "GET / HTTP/1.1\n", 400, "line feed without carriage return"),
  Refused("line feed first", "\nGET / HTTP/1.1\r\n", 400, "line feed without carriage return"),
  Refused("return alone", "GET / HTTP/1.1\rHost", 400, "carriage return without line feed"),
  Refused("two returns", "GET / HTTP/1.1\r\r\n", 400, "carriage return without line feed"),
  Refused("NUL", "GET /\u{0} HTTP/1.1\r\n", 400, "control character in the head"),
  Refused(
    "long line", "GET /\(String(repeating: "a", count: 2_048))", 414, "request line too long"),
]

private let badTargets: [Refused] = [
  "", "*", "a", "?q", "//[", "/#f", "/ü", "/a\"b", "/<", "/a|b", "/{}", "/a^b", "/`", "/[", "/\\",
  "/%", "/%4", "/%g0", "/%0g", "/?%", "/?#", "/?ü", "/?[", "ftp://a/", "http:/a", "http:///a",
  "http://", "http://a b/", "http://u@a/", "http://a:b/", "http://a:123456/", "http://[::1/",
  "http://[]/", "http://a#f", "//a\u{7f}", "a:80", "http:a", "http",
].map { target in
  Refused(
    "target '\(target)'", withTarget(target), 400,
    target.contains("\u{7f}")
      ? "control character in the head"
      : target.contains(" ") ? "request line malformed" : "request target malformed")
}

private let badHeaders: [Refused] = [
  Refused("no Host", line + "\r\n", 400, "Host header missing"),
  Refused("two Hosts", withHeaders("HOST: a"), 400, "host header repeated"),
  Refused(
    "two Hosts in 1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400, "host header repeated"),
  Refused("Host with a path", line + "Host: a/b\r\n\r\n", 400, "Host header malformed"),
  Refused("Host with a user", line + "Host: u@a\r\n\r\n", 400, "Host header malformed"),
  Refused("Host list", line + "Host: a, b\r\n\r\n", 400, "Host header malformed"),
  Refused("Host with a bad port", line + "Host: a:8x\r\n\r\n", 400, "Host header malformed"),
  Refused("no colon", withHeaders("abc"), 400, "header line without a name"),
  Refused("no name", withHeaders(": b"), 400, "header line without a name"),
  Refused("space before the colon", withHeaders("a : b"), 400, "header name malformed"),
  Refused("space in the name", withHeaders("a b: c"), 400, "header name malformed"),
  Refused("non-ASCII name", withHeaders("ä: b"), 400, "header name malformed"),
  Refused("folded", withHeaders("a: b\r\n c"), 400, "folded header line"),
  Refused("folded by tab", withHeaders("a: b\r\n\tc"), 400, "folded header line"),
  Refused("folded at once", line + " a: b\r\n\r\n", 400, "folded header line"),
  Refused("NUL in a value", withHeaders("a: b\u{0}c"), 400, "control character in the head"),
  Refused("DEL in a value", withHeaders("a: b\u{7f}c"), 400, "control character in the head"),
  Refused("escape in a value", withHeaders("a: \u{1b}[1m"), 400, "control character in the head"),
  Refused("return in a value", withHeaders("a: b\rc"), 400, "carriage return without line feed"),
  Refused(
    "line feed after a value", withHeaders("a: b\nc"), 400, "line feed without carriage return"),
  Refused(
    "user twice", withHeaders("X-User-Id: a\r\nx-user-id: a"), 400, "x-user-id header repeated"),
  Refused(
    "key twice", withHeaders("Idempotency-Key: a\r\nIDEMPOTENCY-KEY: b"), 400,
    "idempotency-key header repeated"),
  Refused(
    "many headers", withHeaders(String(repeating: "a: b\r\n", count: 64)), 431, "too many headers"),
  Refused(
    "large header", withHeaders("a: " + String(repeating: "b", count: 8_192)), 431,
    "headers too large"),
  Refused(
    "headers large together",
    withHeaders(
      (1...20).map { "a\($0): " + String(repeating: "b", count: 500) }.joined(separator: "\r\n")),
    431, "headers too large"),
]

private let badFraming: [Refused] = [
  ("-1", 400), ("+1", 400), ("0x1", 400), ("1 1", 400), ("", 400), ("1,1", 400),
  ("1, 2", 400), ("1.0", 400), ("١", 400), ("4097", 413), ("9223372036854775808", 413),
  (String(repeating: "9", count: 100), 413),
].map { value, status in
  Refused(
    "Content-Length '\(value)'", withHeaders("Content-Length: \(value)"), status,
    status == 413 ? "body too large" : "Content-Length malformed")
}

private let badCodings: [Refused] = [
  Refused(
    "two lengths", withHeaders("Content-Length: 1\r\nContent-Length: 2"), 400,
    "content-length header repeated"),
  Refused(
    "the same length twice", withHeaders("Content-Length: 1\r\nContent-Length: 1"), 400,
    "content-length header repeated"),
  Refused(
    "chunked", withHeaders("Transfer-Encoding: chunked"), 411,
    "chunked body: Content-Length needed"),
  Refused(
    "CHUNKED", withHeaders("transfer-encoding:CHUNKED"), 411, "chunked body: Content-Length needed"),
  Refused(
    "chunked and a length", withHeaders("Transfer-Encoding: chunked\r\nContent-Length: 1"), 400,
    "Transfer-Encoding together with Content-Length"),
  Refused(
    "a length and chunked", withHeaders("Content-Length: 1\r\nTransfer-Encoding: chunked"), 400,
    "Transfer-Encoding together with Content-Length"),
  Refused(
    "gzip, chunked", withHeaders("Transfer-Encoding: gzip, chunked"), 501,
    "transfer coding not implemented"),
  Refused(
    "gzip, chunked in two lines",
    withHeaders("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked"), 501,
    "transfer coding not implemented"),
  Refused(
    "chunked twice", withHeaders("Transfer-Encoding: chunked, chunked"), 400,
    "Transfer-Encoding does not end with chunked"),
  Refused(
    "chunked first", withHeaders("Transfer-Encoding: chunked, gzip"), 400,
    "Transfer-Encoding does not end with chunked"),
  Refused(
    "identity", withHeaders("Transfer-Encoding: identity"), 400,
    "Transfer-Encoding does not end with chunked"),
  Refused(
    "coding with a tail", withHeaders("Transfer-Encoding: chunkedx"), 400,
    "Transfer-Encoding does not end with chunked"),
  Refused(
    "empty coding", withHeaders("Transfer-Encoding:"), 400,
    "Transfer-Encoding does not end with chunked"),
  Refused(
    "chunked in 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400,
    "Transfer-Encoding in HTTP/1.0"),
  Refused("strange expectation", withHeaders("Expect: tea"), 417, "expectation not supported"),
  Refused(
    "two expectations", withHeaders("Expect: tea\r\nExpect: 100-continue"), 417,
    "expectation not supported"),
  Refused(
    "large body expected", withHeaders("Expect: 100-continue\r\nContent-Length: 5000"), 413,
    "body too large"),
]

let allRefused = badLines + badTargets + badHeaders + badFraming + badCodings

@Suite struct ParserTests {
  let harness = ParserHarness()

  @Test(arguments: allRefused) func refuses(_ bad: Refused) {
    let reading = harness.read(bad.input)
    #expect(reading.requests.isEmpty)
    #expect(reading.refusal == Refusal(bad.status, bad.reason))
  }

  @Test func readsMethodTargetHeadersAndBody() throws {
    let text =
      "POST /v1/a%20b/draws?x=1&y=?/ HTTP/1.1\r\nhOsT:\t a:80 \r\nX-User-Id: Zoë\r\nEmpty:\r\n"
      + "A: 1\r\nb: 2\r\na: 3\r\nContent-Length: 5\r\n\r\nhello"
    var parser = RequestParser()
    let outcome = parser.parse(Array(text.utf8).span, harness.rules)
    guard case .request(let request, let consumed) = outcome else {
      Issue.record("\(outcome)")
      return
    }
    #expect(consumed == text.utf8.count)
    #expect(request.method == .post)
    #expect(request.path == "/v1/a%20b/draws")
    #expect(request.query == "x=1&y=?/")
    #expect(request.header("host") == "a:80")
    #expect(request.header("x-user-id") == "Zoë")
    #expect(request.header("empty") == "")
    #expect(request.header("a") == "1, 3")
    #expect(request.header("missing") == nil)
    #expect(request.body == Array("hello".utf8))
    #expect(!request.isHead)
  }

  @Test(arguments: [
    ("http://a", "/", nil), ("http://a/", "/", nil), ("HTTPS://a.b:8/c?d", "/c", "d"),
    ("http://[::1]:8/c", "/c", nil), ("http://a?d", "/", "d"), ("/", "/", nil), ("/?", "/", ""),
    ("//", "//", nil), ("/a:b@c;d=e,f", "/a:b@c;d=e,f", nil), ("/a??", "/a", "?"),
  ]) func readsTarget(_ target: String, _ path: String, _ query: String?) {
    let reading = harness.read(withTarget(target))
    #expect(reading.refusal == nil)
    #expect(reading.requests.map(\.path) == [path])
    #expect(reading.requests.map(\.query) == [query])
  }

  @Test(arguments: [
    ("1.1", "", true), ("1.1", "close", false), ("1.1", "x, CLOSE", false), ("1.7", "", true),
    ("1.0", "", false), ("1.0", "Keep-Alive", true), ("1.0", "keep-alive, close", false),
    ("1.1", "closed", true),
  ]) func knowsWhetherTheConnectionStays(_ version: String, _ value: String, _ stays: Bool) {
    let reading = harness.read(
      "GET / HTTP/\(version)\r\nHost: a\r\nConnection: \(value)\r\n\r\n")
    #expect(reading.requests.map(\.keepsAlive) == [stays])
  }

  @Test(arguments: ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
  func knows(_ method: String) {
    let reading = harness.read("\(method) / HTTP/1.1\r\n\(host)\r\n")
    #expect(reading.requests.map(\.method.rawValue) == [method])
  }

  @Test func servesOldAndOddButRightRequests() {
    // Without Host in 1.0; after one empty line; `OPTIONS *`; empty Host; leading zeros; an upgrade that is ignored.
    for text in [
      "GET / HTTP/1.0\r\n\r\n", "\r\n" + withTarget("/"), "OPTIONS * HTTP/1.1\r\n\(host)\r\n",
      line + "Host:\r\n\r\n", withHeaders("Content-Length: 000"),
      withHeaders("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: A"),
    ] {
      let reading = harness.read(text)
      #expect(reading.refusal == nil, "\(text)")
      #expect(reading.requests.count == 1, "\(text)")
    }
  }

  @Test func acceptsWhatReachesEachLimitExactly() {
    let target = "/" + String(repeating: "a", count: 2_048 - "GET / HTTP/1.1".count)
    #expect(harness.read(withTarget(target)).requests.count == 1)
    #expect(harness.read(withTarget(target + "a")).refusal?.status == 414)

    let filler = 8_192 - host.utf8.count - "a: \r\n\r\n".utf8.count
    #expect(
      harness.read(withHeaders("a: " + String(repeating: "b", count: filler))).requests.count == 1)
    #expect(
      harness.read(withHeaders("a: " + String(repeating: "b", count: filler + 1))).refusal?.status
        == 431)

    let lines = Array(repeating: "a: b", count: 63).joined(separator: "\r\n")
    #expect(harness.read(withHeaders(lines)).requests.count == 1)

    let body = String(repeating: "x", count: 4_096)
    #expect(harness.read(withHeaders("Content-Length: 4096") + body).requests.count == 1)
  }

  @Test func wantsToSendContinueOnlyWhenTheBodyIsAwaited() {
    func owes(_ text: String) -> Bool {
      var parser = RequestParser()
      _ = parser.parse(Array(text.utf8).span, harness.rules)
      return parser.takeContinue() && !parser.takeContinue()
    }
    let expecting = withHeaders("Expect: 100-Continue\r\nContent-Length: 2")
    #expect(owes(expecting))
    #expect(owes(expecting + "a"))
    #expect(!owes(expecting + "ab"))
    #expect(!owes(withHeaders("Expect: 100-continue")))
    #expect(!owes(withHeaders("Content-Length: 2")))
    #expect(!owes("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"))
  }
}
