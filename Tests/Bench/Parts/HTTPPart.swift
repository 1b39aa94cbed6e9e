import HTTPServer
import Stock
import Threads

/// The HTTP front alone: each turn's requests go to another thread as one batch, which answers them with a
/// constant of a draw's size.
struct HTTPPart {
  init(_ options: Options) {}

  func run() throws {
    let requests = Inbox<[ReplyToken]>(capacity: 65_536)
    let server = try HTTPServer(
      host: "127.0.0.1", port: 0, singleHeaders: ["x-user-id", "idempotency-key"],
      handler: Deferring(requests))
    let answering = NamedThread("answers") {
      while let batches = requests.take(until: nil) {
        for tokens in batches { server.reply(tokens.map { ($0, Self.answer) }) }
      }
    }
    tell("port", server.port)
    _ = Signals.wait()
    let isDrained = server.drain(until: .after(ms: 5_000))
    requests.close()
    answering.join()
    if !isDrained { throw Failure("requests were left without an answer") }
  }

  private static let answer = HTTPReply(
    status: 200,
    body: Array(
      """
      {"activity":100001,"slot":123456,"lockKey":"100001_123456","requestId":"r-1-000000123456",\
      "status":"claimed","replayed":false}
      """.utf8))
}

private final class Deferring: HTTPHandler {
  private let inbox: Inbox<[ReplyToken]>
  private let gathered = Lock<[ReplyToken]>([])

  init(_ inbox: Inbox<[ReplyToken]>) { self.inbox = inbox }

  func handle(_ request: HTTPRequest, token: ReplyToken) -> HTTPReply? {
    gathered.withLock { $0.append(token) }
    return nil
  }

  func turnEnded(loop: Int) {
    let tokens = gathered.withLock { gathered in
      defer { gathered = [] }
      return gathered
    }
    // A batch per turn and connection at most: the inbox has room.
    let offer = inbox.offer(tokens)
    precondition(offer == .accepted)
  }
}
