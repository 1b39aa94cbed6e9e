@testable import HTTPServer

/// What a connection's bytes came to, given to the parser as a connection gives them.
struct HTTPReading: Equatable, CustomStringConvertible {
  private(set) var requests: [(request: HTTPRequest, end: Int)] = []
  private(set) var refusal: Refusal?
  private var hasBegunAnother = false

  /// The bytes come cut before each of `cuts`, ascending.
  init(_ input: [UInt8], cuts: [Int], _ rules: ParserRules) {
    var parser = RequestParser()
    var begin = 0
    for end in cuts + [input.count] {
      while true {
        // Storage of exactly these bytes: the sanitizer sees a look beyond them.
        let outcome = Array(input[begin..<end]).withUnsafeBufferPointer {
          parser.parse($0.span, rules)
        }
        switch outcome {
        case .needsMore: break
        case .request(let request, let consumed):
          demand(consumed > 0 && consumed <= end - begin, "consumed \(consumed)")
          begin += consumed
          requests.append((request, begin))
          if begin < end { continue }
        case .refused(let refusal):
          self.refusal = refusal
          return
        }
        break
      }
    }
    hasBegunAnother = parser.hasBegun
  }

  static func == (left: Self, right: Self) -> Bool {
    left.refusal == right.refusal && left.hasBegunAnother == right.hasBegunAnother
      && left.requests.elementsEqual(right.requests) {
        $0.end == $1.end && $0.request.head == $1.request.head && areSame($0.request, $1.request)
      }
  }

  /// The same meaning; the bytes may be spelled in another way.
  static func areSame(_ left: HTTPRequest, _ right: HTTPRequest) -> Bool {
    left.method == right.method && left.path == right.path && left.query == right.query
      && left.body == right.body && left.minorVersion == right.minorVersion
      && left.keepsAlive == right.keepsAlive
      && left.fields.elementsEqual(right.fields) {
        left.head[$0.name] == right.head[$1.name] && left.head[$0.value] == right.head[$1.value]
      }
  }

  var description: String {
    let texts = requests.map { request, end in
      "\(request.method.rawValue) \(request.path) \(request.query ?? "-") \(request.fields.count) headers, "
        + "\(request.body.count) bytes, to \(end)"
    }
    return "\(texts) \(refusal.map { "\($0)" } ?? "-") \(hasBegunAnother)"
  }
}
