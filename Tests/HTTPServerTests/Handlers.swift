import Glibc
import HTTPServer
import Threads

/// Answers at once, with what it was asked in the body.
struct EchoHandler: HTTPHandler {
  func handle(_ request: HTTPRequest, token: ReplyToken) -> HTTPReply? {
    let body = String(decoding: request.body, as: UTF8.self)
    let text = "\(request.method.rawValue) \(request.path) \(request.query ?? "-") [\(body)]"
    return HTTPReply(status: 200, contentType: "text/plain", body: Array(text.utf8))
  }
}

/// Keeps what it is asked until the test replies.
final class PatientHandler: HTTPHandler {
  private let waiting = Lock<[(path: String, token: ReplyToken)]>([])

  var count: Int { waiting.withLock { $0.count } }

  func handle(_ request: HTTPRequest, token: ReplyToken) -> HTTPReply? {
    waiting.withLock { $0.append((request.path, token)) }
    return nil
  }

  /// Waits for `count` requests and hands them over.
  func take(_ count: Int) throws -> [(path: String, token: ReplyToken)] {
    guard eventually({ self.count >= count }) else {
      throw Client.Failure("the handler was asked \(self.count) times, not \(count)")
    }
    return waiting.withLock { waiting in
      defer { waiting = [] }
      return waiting
    }
  }
}

/// Hands each turn's requests to a thread of its own, which replies to all that wait in one batch, in any order.
final class BatchHandler: HTTPHandler {
  private let turn = Lock<[(token: ReplyToken, reply: HTTPReply)]>([])
  private let batches = Inbox<[(token: ReplyToken, reply: HTTPReply)]>(capacity: 100_000)
  private let body: [UInt8]?
  private let replier = Lock<NamedThread?>(nil)

  /// Without a body it is the request's path.
  init(body: String? = nil) { self.body = body.map { Array($0.utf8) } }

  func handle(_ request: HTTPRequest, token: ReplyToken) -> HTTPReply? {
    let reply = HTTPReply(status: 200, body: body ?? Array(request.path.utf8))
    turn.withLock { $0.append((token, reply)) }
    return nil
  }

  func turnEnded(loop: Int) {
    let batch = turn.withLock { turn in
      defer { turn = [] }
      return turn
    }
    _ = batches.offer(batch)
  }

  func start(_ server: HTTPServer) {
    let batches = batches
    replier.withLock {
      $0 = NamedThread("replier") {
        while let taken = batches.take(until: nil) {
          server.reply(taken.flatMap { $0 }.shuffled())
        }
      }
    }
  }

  func stop() {
    batches.close()
    replier.withLock { $0 }?.join()
  }
}
