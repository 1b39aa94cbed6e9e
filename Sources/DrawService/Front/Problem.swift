internal import HTTPServer
internal import JSONBytes

/// A refusal as RFC 9457 `application/problem+json`, with our stable `code`.
struct Problem: Sendable {
  let status: Int
  let code: String
  let title: String
  var detail: String?
  var headers: [(name: String, value: String)] = []

  var reply: HTTPReply {
    var json = JSONWriter(capacity: 160)
    json.beginObject()
    json.field("title", title)
    json.field("status", status)
    json.field("code", code)
    if let detail { json.field("detail", detail) }
    json.endObject()
    return HTTPReply(
      status: status, contentType: "application/problem+json", headers: headers, body: json.bytes)
  }

  /// 400 for a field: its name is in code and detail.
  static func invalid(_ field: String, _ what: String, _ rule: String) -> HTTPReply {
    Problem(
      status: 400, code: "invalid_\(field)", title: "\(what) is not valid",
      detail: "\(what): \(rule)"
    )
    .reply
  }
}

extension Refusal {
  /// Made once: in a sale most draws end here.
  private static let replies = allCases.map(\.problem.reply)

  var reply: HTTPReply { Self.replies[rawValue] }

  private var problem: Problem {
    Problem(status: status, code: code, title: title, headers: headers)
  }

  private var status: Int {
    switch self {
    case .soldOut, .limitReached, .notOpen, .closed, .paused, .released: 409
    case .unknownActivity, .unknownRequest: 404
    case .keyRequired: 400
    case .overloaded, .unavailable, .fenced: 503
    }
  }

  private var headers: [(name: String, value: String)] {
    status == 503 ? [(name: "Retry-After", value: "1")] : []
  }

  private var title: String {
    switch self {
    case .soldOut: "Every slot is held"
    case .limitReached: "This user has drawn as often as the activity allows"
    case .notOpen: "The activity is not open yet"
    case .closed: "The activity is closed"
    case .paused: "The activity is paused"
    case .released: "This request was released"
    case .unknownActivity: "No such activity"
    case .unknownRequest: "No such request of this user"
    case .keyRequired: "Idempotency-Key is required where a user may hold several slots"
    case .overloaded: "Too many requests at once; nothing was done"
    case .unavailable: "The outcome is unknown; ask the same again"
    case .fenced: "The stock is being recovered; ask the same again"
    }
  }
}
