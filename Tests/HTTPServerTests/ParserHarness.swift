@testable import HTTPServer

/// A parser on its own, fed as a connection would feed it.
struct ParserHarness {
  /// What one input came to.
  struct Reading: Equatable, CustomStringConvertible {
    var requests: [Request] = []
    var refusal: Refusal?
    /// Whether more than whole requests was read.
    var hasBegunAnother = false

    var description: String { "\(requests) \(String(describing: refusal)) \(hasBegunAnother)" }
  }

  struct Request: Equatable {
    let method: HTTPMethod
    let target: String
    let path: String
    let query: String?
    let headers: [[String]]
    let body: [UInt8]
    let keepsAlive: Bool
    /// Where the next request begins.
    let end: Int
  }

  var rules = ParserRules(limits: HTTPLimits(), singleHeaders: ["x-user-id", "idempotency-key"])

  /// Feeds `input` cut before each of `cuts`, ascending.
  func read(_ input: [UInt8], cuts: [Int] = []) -> Reading {
    var reading = Reading()
    var parser = RequestParser()
    var begin = 0
    for end in cuts + [input.count] {
      while true {
        // Storage of exactly these bytes, so that a look beyond them traps.
        let outcome = Array(input[begin..<end]).withUnsafeBufferPointer {
          parser.parse($0.span, rules)
        }
        switch outcome {
        case .needsMore: break
        case .request(let request, let consumed):
          begin += consumed
          reading.requests.append(Request(request, end: begin))
          if begin < end { continue }
        case .refused(let refusal):
          reading.refusal = refusal
          return reading
        }
        break
      }
    }
    reading.hasBegunAnother = parser.hasBegun
    return reading
  }

  func read(_ text: String) -> Reading { read(Array(text.utf8)) }
}

extension ParserHarness.Request {
  init(_ request: HTTPRequest, end: Int) {
    func text(_ range: Range<Int>) -> String {
      // One character per byte, so that nothing is lost in the comparison.
      String(String.UnicodeScalarView(request.head[range].map { Unicode.Scalar($0) }))
    }
    self.init(
      method: request.method, target: text(request.target), path: request.path,
      query: request.query,
      headers: request.fields.map { [text($0.name).lowercased(), text($0.value)] },
      body: request.body, keepsAlive: request.keepsAlive, end: end)
  }
}
