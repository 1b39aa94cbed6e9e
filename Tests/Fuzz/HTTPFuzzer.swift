@testable import HTTPServer

/// What may come out of a connection's bytes, whatever they are.
enum HTTPFuzzer {
  /// The server's own limits, and some that are small enough to be met often.
  private static let rules = [
    ParserRules(limits: HTTPLimits(), singleHeaders: ["x-user-id", "idempotency-key"]),
    ParserRules(
      limits: HTTPLimits(requestLineBytes: 24, headerBytes: 48, headerCount: 3, bodyBytes: 6),
      singleHeaders: ["x-user-id"]),
  ]
  private static let statuses: Set = [400, 411, 413, 414, 417, 431, 501, 505]

  static func judge(_ input: [UInt8]) -> Bool {
    for rules in rules {
      let whole = HTTPReading(input, cuts: [], rules)
      judge(whole, of: input, rules)
      demand(
        HTTPReading(input, cuts: Array(1..<max(1, input.count)), rules) == whole,
        "byte by byte is as good as whole: \(whole)")
      // Cuts that depend on the bytes alone, so that a finding can be played again.
      let cuts = cuts(of: input)
      demand(HTTPReading(input, cuts: cuts, rules) == whole, "cuts \(cuts) change \(whole)")
    }
    return true
  }

  private static func cuts(of input: [UInt8]) -> [Int] {
    var state = input.reduce(0xcbf2_9ce4_8422_2325 as UInt64) {
      ($0 ^ UInt64($1)) &* 0x100_0000_01b3
    }
    var cuts: [Int] = []
    for _ in 0..<5 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      cuts.append(Int(state >> 33) % (input.count + 1))
    }
    return cuts.sorted()
  }

  private static func judge(_ reading: HTTPReading, of input: [UInt8], _ rules: ParserRules) {
    var start = 0
    for (request, end) in reading.requests {
      demand(end > start && end <= input.count, "a request ends at \(end), after \(start)")
      judge(request, input[start..<end], rules)
      start = end
    }
    if let refusal = reading.refusal {
      demand(statuses.contains(refusal.status), "refused with \(refusal)")
      demand(
        refusal.reason.utf8.count < 80 && refusal.reason.utf8.allSatisfy { 32..<127 ~= $0 },
        "reason \(refusal)")
    }
  }

  private static func judge(
    _ request: HTTPRequest, _ bytes: ArraySlice<UInt8>, _ rules: ParserRules
  ) {
    let limits = rules.limits
    demand(request.head + request.body == Array(bytes), "head and body are what was consumed")
    demand(request.body.count <= limits.bodyBytes, "body of \(request.body.count)")
    demand(request.fields.count <= limits.headerCount, "\(request.fields.count) headers")
    let lineEnd = request.target.upperBound + " HTTP/1.1".utf8.count
    demand(lineEnd <= limits.requestLineBytes + 2, "request line of \(lineEnd)")
    demand(request.head.count - lineEnd - 2 <= limits.headerBytes, "headers too long")
    demand(request.method != .trace && request.method != .connect, "method \(request.method)")
    for single in rules.singleHeaders {
      let count = request.fields.count { name(of: $0, in: request) == single.description }
      demand(count <= 1, "\(single) \(count) times")
    }
    let length = request.header("content-length").flatMap { Int($0) } ?? 0
    demand(length == request.body.count, "length \(length) of \(request.body.count)")
    demand(request.header("transfer-encoding") == nil, "a transfer coding was accepted")
    demand(request.minorVersion == 0 || request.header("host") != nil, "no host")
    judgeTarget(request)
    judgeAgain(request, rules)
  }

  private static func judgeTarget(_ request: HTTPRequest) {
    let target = String(decoding: request.head[request.target], as: UTF8.self)
    let shown = request.query.map { "\(request.path)?\($0)" } ?? request.path
    demand(target.utf8.allSatisfy { 33..<127 ~= $0 }, "target \(target.debugDescription)")
    if target.hasPrefix("/") || target == "*" {
      demand(shown == target, "\(shown) of target \(target)")
    } else {
      demand(
        target.lowercased().hasPrefix("http")
          && (target.hasSuffix(shown) || target.hasSuffix(String(shown.dropFirst()))),
        "\(shown) of target \(target)")
    }
  }

  /// Written down plainly and read again it is the same.
  private static func judgeAgain(_ request: HTTPRequest, _ rules: ParserRules) {
    var bytes = Array(request.method.rawValue.utf8) + [0x20] + request.head[request.target]
    bytes += " HTTP/1.\(request.minorVersion)\r\n".utf8
    for field in request.fields {
      bytes += request.head[field.name] + ": ".utf8 + request.head[field.value] + "\r\n".utf8
    }
    bytes += "\r\n".utf8 + request.body
    // The space after each colon may be one more than came.
    var roomy = rules.limits
    roomy.headerBytes += request.fields.count
    let again = HTTPReading(
      bytes, cuts: [], ParserRules(limits: roomy, singleHeaders: ["x-user-id", "idempotency-key"]))
    demand(
      again.requests.count == 1 && again.requests[0].end == bytes.count
        && HTTPReading.areSame(again.requests[0].request, request),
      "read again it is \(again)")
  }

  private static func name(of field: HeaderField, in request: HTTPRequest) -> String {
    String(decoding: request.head[field.name], as: UTF8.self).lowercased()
  }
}
