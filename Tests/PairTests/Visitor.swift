import TestSupport

/// Clients of a DrawService, one request each; every user's request id is `r-1`.
struct Visitor {
  private let pair: Pair
  private let client: HTTPTestClient

  init(_ pair: Pair, _ draw: Service) {
    self.pair = pair
    client = HTTPTestClient(port: draw.port!)
  }

  func claim(_ user: String) throws -> HTTPTestClient.Reply {
    try client.send(
      "POST", "\(path)/draws", ["X-User-Id": user, "Idempotency-Key": "r-1"])
  }

  /// Sends it, and leaves its reply to `reply`.
  func beginClaim(_ user: String) throws {
    try client.write(
      Array(
        """
        POST \(path)/draws HTTP/1.1\r
        Host: x\r
        X-User-Id: \(user)\r
        Idempotency-Key: r-1\r
        \r\n
        """.utf8))
  }

  func reply() throws -> HTTPTestClient.Reply { try client.readReply() }

  func look(_ user: String) throws -> HTTPTestClient.Reply {
    try client.send("GET", "\(path)/draws/r-1", ["X-User-Id": user])
  }

  func release(_ user: String) throws -> HTTPTestClient.Reply {
    try client.send("DELETE", "\(path)/draws/r-1", ["X-User-Id": user])
  }

  /// The pair's activity, or another one.
  func describe(activity: Int? = nil) throws -> HTTPTestClient.Reply {
    try client.send("GET", activity.map { "/v1/activities/\($0)" } ?? path)
  }

  /// What `readyz` says.
  func readiness() throws -> String {
    try client.send("GET", "/readyz").text.split(separator: "\n").joined()
  }

  private var path: String { "/v1/activities/\(pair.activity)" }
}
