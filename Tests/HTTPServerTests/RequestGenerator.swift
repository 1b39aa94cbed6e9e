import TestSupport

/// Requests put together from good and bad pieces, then often mutated.
struct RequestGenerator {
  var random: Seeded

  init(seed: UInt64) { random = Seeded(seed) }

  /// Well-formed ones of different kinds.
  static let samples: [[UInt8]] = [
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /v1/activities/1/draws HTTP/1.1\r\nHost: a:80\r\nX-User-Id: u1\r\nContent-Length: 0\r\n\r\n",
    "\r\nPUT /x?y=z HTTP/1.1\r\nhost: a\r\nContent-Length: 12\r\n\r\nhello\r\nworld",
    "HEAD http://a.b/c HTTP/1.1\r\nHost: a.b\r\nAccept: */*\r\nConnection: keep-alive\r\n\r\n",
    "GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: a\r\nx: \r\n\r\n",
    "DELETE /a/b HTTP/1.1\r\nHost:a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
  ].map { Array($0.utf8) }

  private static let methods = [
    "GET", "POST", "DELETE", "HEAD", "PUT", "OPTIONS", "get", "PRI", "",
  ]
  private static let targets = [
    "/", "/a/b?c=d", "/%41%zz", "*", "http://h/p?q", "http://h", "/a b", "/#", "h:80", "//x", "/?",
    "/\u{e9}", "/a|b", "",
  ]
  private static let versions = [
    "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "HTTP/1", "",
  ]
  private static let lineEnds =
    Array(repeating: "\r\n", count: 30) + ["\n", "\r", "\r\r\n", "\n\r", " \r\n"]
  private static let names = [
    "Host", "Content-Length", "content-length", "Transfer-Encoding", "Connection", "Expect",
    "X-User-Id", "Idempotency-Key", "Accept", "X-Y_z", "Upgrade", "a b", "", "\u{e9}", " Folded",
  ]
  private static let values = [
    "a", "a:80", "0", "3", "3, 3", "03", "+3", "3 ", "chunked", "gzip, chunked", "close",
    "keep-alive", "100-continue", "", " \t x \t ", "\u{e9}\u{fc}", "a\u{0}b", "a\u{b}b", "[::1]:1",
    "99999999999999999999", "\"q\"", "a\tb",
  ]
  private static let colons = [": ", ": ", ": ", ":", " : ", ":\t", ""]

  /// One or a few requests after each other.
  mutating func next() -> [UInt8] {
    var bytes: [UInt8] = []
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      bytes += chance(2) ? Self.samples.randomElement(using: &random)! : composed()
    }
    if chance(2) { for _ in 0..<Int.random(in: 1...3, using: &random) { mutate(&bytes) } }
    return bytes
  }

  private mutating func chance(_ oneIn: Int) -> Bool {
    Int.random(in: 0..<oneIn, using: &random) == 0
  }

  private mutating func pick(_ choices: [String]) -> String {
    choices.randomElement(using: &random)!
  }

  /// Mostly the first choice, so that whole requests are often good.
  private mutating func usually(_ choices: [String]) -> String {
    chance(4) ? pick(choices) : choices[Int.random(in: 0...1, using: &random)]
  }

  private mutating func composed() -> [UInt8] {
    var text = chance(10) ? "\r\n" : ""
    text += usually(Self.methods) + " " + usually(Self.targets) + " " + usually(Self.versions)
    text += pick(Self.lineEnds)
    if !chance(10) { text += "Host: h\r\n" }
    for _ in 0..<Int.random(in: 0...3, using: &random) {
      text += pick(Self.names) + pick(Self.colons) + pick(Self.values) + pick(Self.lineEnds)
    }
    let length = Int.random(in: 0...9, using: &random)
    if chance(3) { text += "Content-Length: \(length)\r\n" }
    text += pick(Self.lineEnds)
    return Array(text.utf8) + Array("0123456789".utf8.prefix(chance(4) ? 9 : length))
  }

  private mutating func mutate(_ bytes: inout [UInt8]) {
    guard !bytes.isEmpty else { return }
    let index = Int.random(in: 0..<bytes.count, using: &random)
    switch Int.random(in: 0..<6, using: &random) {
    case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
    case 1: bytes.remove(at: index)
    case 2:
      bytes.insert(Array("\r\n \t:,;%?/#\u{0}0a".utf8).randomElement(using: &random)!, at: index)
    case 3: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 4:
      let end = min(bytes.count, index + Int.random(in: 1...20, using: &random))
      bytes.insert(contentsOf: bytes[index..<end], at: index)
    default:
      bytes.removeSubrange(index..<min(bytes.count, index + Int.random(in: 1...20, using: &random)))
    }
  }
}
