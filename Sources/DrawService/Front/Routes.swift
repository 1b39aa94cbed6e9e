internal import HTTPServer
internal import Stock
internal import Threads

/// What a request asks for: a value out of its line and headers, nothing more.
enum Route: Sendable {
  case healthz
  case readyz
  case draw(DrawRequest)
  case refused(HTTPReply)

  /// Checks everything that can be checked without Redis.
  init(_ request: HTTPRequest, token: ReplyToken, identity: some UserIdentity, now: MonotonicTime) {
    var path = Segments(request.path)
    do throws(Refused) {
      switch path.next() {
      case "healthz" where path.isAtEnd:
        try Self.allow(Self.reads, request)
        self = .healthz
      case "readyz" where path.isAtEnd:
        try Self.allow(Self.reads, request)
        self = .readyz
      case "v1":
        self = .draw(try Self.draw(&path, request, token, identity, now))
      default: throw Self.notFound
      }
    } catch {
      self = .refused(error.reply)
    }
  }

  /// `activities/{id}`, `activities/{id}/draws`, `activities/{id}/draws/{requestId}`
  private static func draw(
    _ path: inout Segments, _ request: HTTPRequest, _ token: ReplyToken,
    _ identity: some UserIdentity, _ now: MonotonicTime
  ) throws(Refused) -> DrawRequest {
    guard path.next() == "activities", let id = path.next() else { throw notFound }
    let draws = path.next()
    let requestID = path.next()
    guard path.isAtEnd, draws == nil || draws == "draws" else { throw notFound }
    try allow(draws == nil ? reads : requestID == nil ? writes : all, request)
    guard let activity = ActivityID(text: id) else {
      throw Refused(
        reply: Problem.invalid(
          "activity", "The activity in the path",
          "a whole number from 1 to \(ActivityID.range.upperBound)"))
    }
    if draws == nil {
      return DrawRequest(
        token: token, activity: activity, operation: .describe, user: "", request: "", arrived: now)
    }
    let user = try identity.user(of: request).get()
    guard let requestID else { return try claim(activity, user, request, token, now) }
    guard Identifier.isValid(requestID) else {
      throw Refused(
        reply: Problem.invalid("request_id", "The request id in the path", Identifier.rule))
    }
    return DrawRequest(
      token: token, activity: activity, operation: request.method == .delete ? .release : .look,
      user: user, request: String(requestID), arrived: now)
  }

  private static func claim(
    _ activity: ActivityID, _ user: String, _ request: HTTPRequest, _ token: ReplyToken,
    _ now: MonotonicTime
  ) throws(Refused) -> DrawRequest {
    let key = request.header("idempotency-key")
    if let key, !Identifier.isValid(key) {
      throw Refused(
        reply: Problem.invalid("idempotency_key", "Idempotency-Key", Identifier.rule))
    }
    return DrawRequest(
      token: token, activity: activity, operation: .claim(isKeyed: key != nil), user: user,
      request: key ?? randomRequestID(), arrived: now)
  }

  /// 64 random bits: unique enough within one user's requests.
  private static func randomRequestID() -> String {
    let digits = String(UInt64.random(in: .min ... .max), radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits
  }

  private static let reads: [HTTPMethod] = [.get, .head]
  private static let writes: [HTTPMethod] = [.post]
  private static let all: [HTTPMethod] = [.get, .head, .delete]

  private static func allow(_ methods: [HTTPMethod], _ request: HTTPRequest) throws(Refused) {
    if methods.contains(request.method) { return }
    let names = methods.map(\.rawValue).joined(separator: ", ")
    throw Refused(
      reply: Problem(
        status: 405, code: "method_not_allowed", title: "This method is not served here",
        detail: "Served: \(names)", headers: [(name: "Allow", value: names)]
      ).reply)
  }

  private static var notFound: Refused {
    Refused(reply: Problem(status: 404, code: "not_found", title: "No such path").reply)
  }
}

/// What stands behind each slash of a path, one after the other, by bytes: by characters it would cost as much as the parser.
private struct Segments {
  private let path: String
  private var start: String.Index

  init(_ path: String) {
    self.path = path
    start = path.startIndex
  }

  var isAtEnd: Bool { start == path.endIndex }

  mutating func next() -> Substring? {
    guard !isAtEnd, path.utf8[start] == UInt8(ascii: "/") else { return nil }
    let first = path.utf8.index(after: start)
    let end = path.utf8[first...].firstIndex(of: UInt8(ascii: "/")) ?? path.endIndex
    start = end
    return path[first..<end]
  }
}
