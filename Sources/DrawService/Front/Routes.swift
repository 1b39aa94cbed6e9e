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
    // By bytes: by characters it costs as much as the whole parser.
    let parts = request.path.utf8.split(
      separator: UInt8(ascii: "/"), omittingEmptySubsequences: false
    ).dropFirst().map { Substring($0) }
    do throws(Refused) {
      switch (parts.count, parts.first) {
      case (1, "healthz"):
        try Self.allow([.get, .head], request)
        self = .healthz
      case (1, "readyz"):
        try Self.allow([.get, .head], request)
        self = .readyz
      case (3...5, "v1"):
        self = .draw(try Self.draw(parts.dropFirst(), request, token, identity, now))
      default: throw Self.notFound
      }
    } catch {
      self = .refused(error.reply)
    }
  }

  /// `activities/{id}`, `activities/{id}/draws`, `activities/{id}/draws/{requestId}`
  private static func draw(
    _ parts: ArraySlice<Substring>, _ request: HTTPRequest, _ token: ReplyToken,
    _ identity: some UserIdentity, _ now: MonotonicTime
  ) throws(Refused) -> DrawRequest {
    guard parts[1] == "activities", parts.count == 2 || parts[3] == "draws" else { throw notFound }
    try allow(methods(parts.count), request)
    guard let activity = ActivityID(text: parts[2]) else {
      throw Refused(
        reply: Problem.invalid(
          "activity", "The activity in the path",
          "a whole number from 1 to \(ActivityID.range.upperBound)"))
    }
    if parts.count == 2 {
      return DrawRequest(
        token: token, activity: activity, operation: .describe, user: "", request: "", arrived: now)
    }
    let user = try identity.user(of: request).get()
    if parts.count == 3 { return try claim(activity, user, request, token, now) }
    guard Identifier.isValid(parts[4]) else {
      throw Refused(
        reply: Problem.invalid("request_id", "The request id in the path", Identifier.rule))
    }
    return DrawRequest(
      token: token, activity: activity, operation: request.method == .delete ? .release : .look,
      user: user, request: String(parts[4]), arrived: now)
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

  private static func methods(_ parts: Int) -> [HTTPMethod] {
    switch parts {
    case 2: [.get, .head]
    case 3: [.post]
    default: [.get, .head, .delete]
    }
  }

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
