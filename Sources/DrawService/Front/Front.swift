internal import HTTPServer
internal import Synchronization
internal import Threads

/// The HTTP server's handler: checks requests and hands them to their lanes, once a loop's turn.
final class Front: HTTPHandler {
  private let router: LaneRouter
  private let replies: ReplySink
  private let readiness: Readiness
  private let meters: Meters
  private let identity = TrustedHeaderIdentity()
  /// By loop.
  private let gathered: [Gathering]

  /// Requests of a loop's turn, by lane. Unchecked: touched by the thread of its loop alone.
  private final class Gathering: @unchecked Sendable {
    var lanes: [[DrawRequest]]

    init(lanes: Int) { self.lanes = Array(repeating: [], count: lanes) }
  }

  init(
    loops: Int, router: LaneRouter, replies: ReplySink, readiness: Readiness, meters: Meters
  ) {
    self.router = router
    self.replies = replies
    self.readiness = readiness
    self.meters = meters
    gathered = (0..<loops).map { _ in Gathering(lanes: router.inboxes.count) }
  }

  func handle(_ request: HTTPRequest, token: ReplyToken) -> HTTPReply? {
    switch Route(request, token: token, identity: identity, now: request.arrived) {
    case .healthz: return Self.plain(200, "ok")
    case .readyz:
      let missing = readiness.missing
      return missing.isEmpty
        ? Self.plain(200, "ready")
        : Self.plain(503, "not ready: \(missing.joined(separator: ", "))")
    case .refused(let reply):
      meters.countInvalid()
      return reply
    case .draw(let draw):
      switch readiness.state {
      case .starting, .failed: return Refusal.unavailable.reply
      case .serving, .draining: break
      }
      gathered[Int(token.loop)].lanes[router.lane(of: draw.activity)].append(draw)
      return nil
    }
  }

  func turnEnded(loop: Int) {
    let gathering = gathered[loop]
    var batch = ReplyBatch()
    for (lane, requests) in gathering.lanes.enumerated() where !requests.isEmpty {
      for refused in router.submit(requests, to: lane) { batch.add(refused, .refused(.overloaded)) }
      gathering.lanes[lane] = []
    }
    replies.send(&batch)
  }

  func errorReply(status: Int, reason: String) -> HTTPReply {
    let code =
      switch status {
      case 408: "request_timeout"
      case 411: "length_required"
      case 413: "body_too_large"
      case 414: "target_too_long"
      case 431: "headers_too_large"
      case 501: "method_unknown"
      case 503: "overloaded"
      case 505: "version_not_supported"
      default: "invalid_request"
      }
    return Problem(status: status, code: code, title: reason).reply
  }

  private static func plain(_ status: Int, _ text: String) -> HTTPReply {
    HTTPReply(status: status, contentType: "text/plain", body: Array("\(text)\n".utf8))
  }
}
