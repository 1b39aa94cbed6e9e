internal import HTTPServer
internal import Threads

/// Answers of one turn, sent with one call.
struct ReplyBatch {
  private(set) var answers: [(request: DrawRequest, answer: Answer)] = []

  mutating func add(_ request: DrawRequest, _ answer: Answer) { answers.append((request, answer)) }
  fileprivate mutating func takeAll() -> [(request: DrawRequest, answer: Answer)] {
    defer { answers.removeAll(keepingCapacity: true) }
    return answers
  }
}

/// Where answers go: the HTTP server, once it is there, and the meters.
final class ReplySink: Sendable {
  private let server = Lock<HTTPServer?>(nil)
  private let meters: Meters

  init(meters: Meters) { self.meters = meters }

  func attach(_ server: HTTPServer) { self.server.withLock { $0 = server } }

  /// Sends and empties the batch. From any thread.
  func send(_ batch: inout ReplyBatch) {
    let answers = batch.takeAll()
    if answers.isEmpty { return }
    guard let server = server.withLock({ $0 }) else {
      preconditionFailure("an answer before the server was attached")
    }
    server.reply(
      answers.map { (token: $0.request.token, reply: HTTPReply($0.answer, to: $0.request)) })
    meters.count(answers)
  }
}
