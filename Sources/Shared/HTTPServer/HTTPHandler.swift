/// What a handler answers. Date, Content-Length and Connection are the server's to add.
public struct HTTPReply: Sendable {
  public var status: Int
  /// Empty: no Content-Type line.
  public var contentType: String
  /// Further header lines. Control characters in them become spaces.
  public var headers: [(name: String, value: String)]
  /// Not sent for HEAD (its length still is), 204 and 304.
  public var body: [UInt8]

  public init(
    status: Int, contentType: String = "application/json",
    headers: [(name: String, value: String)] = [], body: [UInt8] = []
  ) {
    precondition((200...599).contains(status), "not a final status: \(status)")
    self.status = status
    self.contentType = contentType
    self.headers = headers
    self.body = body
  }
}

/// Names one request that waits for its reply. Once that is given, or the client has left, the token is
/// stale, and a reply to it is dropped silently.
public struct ReplyToken: Sendable, Hashable {
  /// Which of the server's loops it came through, from 0.
  public let loop: Int32
  let slot: Int32
  /// Grows with every request of its loop and is never used again.
  let serial: UInt64

  /// Tokens come from the server; one made by hand is for tests of handlers.
  public init(loop: Int, slot: Int, serial: UInt64) {
    self.loop = Int32(loop)
    self.slot = Int32(slot)
    self.serial = serial
  }
}

/// What the server asks about each request. All three are called on a loop's thread and must not block.
public protocol HTTPHandler: Sendable {
  /// The reply, or nil when it will come through `HTTPServer.reply` with this token.
  func handle(_ request: HTTPRequest, token: ReplyToken) -> HTTPReply?

  /// All requests of one turn of a loop (`ReplyToken.loop` of its requests) have been handed over: pass collected batches
  /// on. Of one loop it comes on the thread of its `handle`.
  func turnEnded(loop: Int)

  /// The reply to what the server refuses by itself (400, 408, 411, 413, 414, 417, 431, 500, 501, 503, 505).
  /// `reason` says what was wrong, for example "Host header missing"; it never quotes the client.
  func errorReply(status: Int, reason: String) -> HTTPReply
}

extension HTTPHandler {
  public func turnEnded(loop: Int) {}

  public func errorReply(status: Int, reason: String) -> HTTPReply {
    HTTPReply(status: status, contentType: "text/plain", body: Array((reason + "\n").utf8))
  }
}
