import RedisClient
import TestSupport
import Testing

/// The API as a client meets it: every answer, every refusal, every bad input.
@Suite(.serialized) final class APITests {
  /// One service for all of these tests, each with an activity of its own, which have both lanes in turns.
  private struct Shared: @unchecked Sendable {  // the suite is serialized
    let pair: Pair
    let draw: Service
  }
  private static let shared = Result {
    let pair = try Pair(stock: 1)
    return Shared(pair: pair, draw: try pair.startDraw(["SLIDING_STOCK_CLAIM_LANES": "2"]))
  }

  private let pair: Pair
  private let draw: Service
  private let client: HTTPTestClient

  init() throws {
    let shared = try Self.shared.get()
    pair = shared.pair
    draw = shared.draw
    client = HTTPTestClient(port: draw.port!)
    try pair.useFreshActivity(stock: 3)
  }

  private var path: String { "/v1/activities/\(pair.activity)" }

  private func claim(_ user: String, key: String? = nil, at path: String? = nil) throws
    -> HTTPTestClient.Reply
  {
    var headers = ["X-User-Id": user]
    headers["Idempotency-Key"] = key
    return try client.send("POST", path ?? "\(self.path)/draws", headers)
  }

  private func expectProblem(
    _ reply: HTTPTestClient.Reply, _ status: Int, _ code: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(reply.status == status, sourceLocation: sourceLocation)
    #expect(reply.code == code, sourceLocation: sourceLocation)
    #expect(reply.json["status"] as? Int == status, sourceLocation: sourceLocation)
    #expect(
      reply.headers["content-type"] == "application/problem+json", sourceLocation: sourceLocation)
    if status == 503 {
      #expect(reply.headers["retry-after"] != nil, sourceLocation: sourceLocation)
    }
  }

  @Test func aClaimSaysWhatItGot() throws {
    let reply = try claim("ann", key: "r-1")
    #expect(reply.status == 200)
    #expect(reply.headers["content-type"] == "application/json")
    #expect(
      reply.text
        == #"{"activity":\#(pair.activity),"slot":1,"lockKey":"\#(pair.activity)_1","requestId":"r-1","status":"claimed","replayed":false}"#
    )
  }

  @Test func theSameRequestGetsTheSameSlotAgain() throws {
    let first = try claim("ann", key: "r-1")
    let again = try claim("ann", key: "r-1")
    #expect(again.slot == first.slot)
    #expect(again.json["replayed"] as? Bool == true)
    let told = try client.send("GET", "\(path)/draws/r-1", ["X-User-Id": "ann"])
    #expect(told.status == 200)
    #expect(told.slot == first.slot)
  }

  @Test func withoutAKeyTheUsersOneClaimAnswers() throws {
    let first = try claim("ann")
    let again = try claim("ann")
    #expect(first.state == "claimed")
    #expect(again.slot == first.slot)
    #expect(again.json["requestId"] as? String == first.json["requestId"] as? String)
  }

  @Test func aBodyIsIgnored() throws {
    let reply = try client.send(
      "POST", "\(path)/draws", ["X-User-Id": "ann"], body: Array("{\"anything\":1}".utf8))
    #expect(reply.status == 200)
  }

  @Test func soldOutIsSaidToWhoHoldsNothing() throws {
    for user in ["a", "b", "c"] { #expect(try claim(user, key: "r").status == 200) }
    expectProblem(try claim("d", key: "r"), 409, "sold_out")
    #expect(try claim("a", key: "r").state == "claimed")
    let view = try client.send("GET", path)
    #expect(view.json["left"] as? Int == 0)
  }

  @Test func theLimitHolds() throws {
    #expect(try claim("ann", key: "r-1").status == 200)
    expectProblem(try claim("ann", key: "r-2"), 409, "limit_reached")
  }

  @Test func aReleasedSlotIsSoldAgainBeforeNewOnes() throws {
    #expect(try claim("ann", key: "r-1").slot == 1)
    #expect(try claim("bob", key: "r-1").slot == 2)
    let reply = try client.send("DELETE", "\(path)/draws/r-1", ["X-User-Id": "ann"])
    #expect(reply.status == 200)
    #expect(reply.state == "released")
    #expect(reply.slot == 1)
    #expect(
      try client.send("DELETE", "\(path)/draws/r-1", ["X-User-Id": "ann"]).state == "released")
    #expect(
      try client.send("GET", "\(path)/draws/r-1", ["X-User-Id": "ann"]).state == "released")
    expectProblem(try claim("ann", key: "r-1"), 409, "released")
    #expect(try claim("cat", key: "r-1").slot == 1)
  }

  @Test func onlyTheOwnerCanRelease() throws {
    #expect(try claim("ann", key: "r-1").status == 200)
    expectProblem(
      try client.send("DELETE", "\(path)/draws/r-1", ["X-User-Id": "bob"]), 404, "unknown_request")
    #expect(try claim("ann", key: "r-1").state == "claimed")
  }

  @Test func whatIsNotThereIsUnknown() throws {
    expectProblem(
      try client.send("GET", "\(path)/draws/r-9", ["X-User-Id": "ann"]), 404, "unknown_request")
    expectProblem(
      try client.send("DELETE", "\(path)/draws/r-9", ["X-User-Id": "ann"]), 404, "unknown_request")
    expectProblem(try claim("ann", at: "/v1/activities/999999999/draws"), 404, "unknown_activity")
    expectProblem(try client.send("GET", "/v1/activities/999999999"), 404, "unknown_activity")
    expectProblem(try client.send("GET", "/v2/things"), 404, "not_found")
    expectProblem(try client.send("GET", "/"), 404, "not_found")
  }

  @Test(
    arguments: [
      ("paused", ["state": "paused"]), ("closed", ["state": "closed"]),
      ("not_open", ["state": "preparing"]), ("not_open", ["opens": "99999999999999"]),
      ("closed", ["closes": "1001", "opens": "1000"]),
    ] as [(String, [String: String])])
  func windowAndStateRefuse(code: String, fields: [String: String]) throws {
    #expect(try claim("ann", key: "r-1").status == 200)
    for (name, value) in fields {
      _ = try pair.redis([RedisCommand("HSET", pair.stockKey, name, value)])
    }
    expectProblem(try claim("bob", key: "r-1"), 409, code)
    // A repeat is answered whatever the state.
    #expect(try claim("ann", key: "r-1").state == "claimed")
  }

  @Test func aKeyIsRequiredAboveALimitOfOne() throws {
    let id = pair.activity + 1
    try pair.createActivity(id, stock: 10, limit: 2)
    let path = "/v1/activities/\(id)/draws"
    expectProblem(try claim("ann", at: path), 400, "invalid_idempotency_key")
    #expect(try claim("ann", key: "r-1", at: path).slot == 1)
    #expect(try claim("ann", key: "r-2", at: path).slot == 2)
    expectProblem(try claim("ann", key: "r-3", at: path), 409, "limit_reached")
  }

  @Test func anEmptyRedisIsFencedAndNeverFullOrUnknown() throws {
    let own = try Pair(stock: 3)
    let draw = try own.startDraw()
    defer { draw.process.signal(15) }
    let client = HTTPTestClient(port: draw.port!)
    let path = "/v1/activities/\(own.activity)"
    let headers = ["X-User-Id": "ann", "Idempotency-Key": "r-1"]
    #expect(try client.send("POST", "\(path)/draws", headers).status == 200)
    _ = try own.redis([RedisCommand("FLUSHDB")])
    expectProblem(try client.send("POST", "\(path)/draws", headers), 503, "fenced")
    expectProblem(try client.send("GET", path), 503, "fenced")
  }

  @Test func aFullOutboxRefuses() throws {
    let capped = try pair.startDraw(["SLIDING_STOCK_OUTBOX_CAP": "1"])
    // An entry that nobody acknowledges: its seq is far ahead, so no claim meets it.
    _ = try pair.redis([
      RedisCommand("XADD", "\(pair.stockKey):outbox", "1-0", "k", "unreadable"),
      RedisCommand("HINCRBY", pair.stockKey, "outbox", "1"),
      RedisCommand("HINCRBY", pair.stockKey, "seq", "1"),
    ])
    let reply = try HTTPTestClient(port: capped.port!).send(
      "POST", "\(path)/draws", ["X-User-Id": "ann", "Idempotency-Key": "r-1"])
    expectProblem(reply, 503, "unavailable")
    #expect(try pair.locks() == 0)
  }

  /// Redis is held still, so that the lane's inbox is full for certain.
  @Test func aFullInboxRefusesAtOnceAndDoesNothing() throws {
    let small = try pair.startDraw(["SLIDING_STOCK_CLAIM_INBOX": "1"])
    defer { small.process.signal(15) }
    _ = try pair.redis([RedisCommand("CLIENT", "PAUSE", "800", "ALL")])
    let clients = (0..<6).map { _ in HTTPTestClient(port: small.port!) }
    for (number, client) in clients.enumerated() {
      try client.write(
        Array("POST \(path)/draws HTTP/1.1\r\nHost: x\r\nX-User-Id: u\(number)\r\n\r\n".utf8))
    }
    let replies = try clients.map { try $0.readReply() }
    let refused = replies.filter { $0.state != "claimed" }
    #expect(!refused.isEmpty)
    for reply in refused { expectProblem(reply, 503, "overloaded") }
    #expect(try pair.locks() == replies.count - refused.count)
  }

  static let badIDs: [String] = [
    "", " ", "a b", "a/b", "ü", "a\u{1}", "a:b", String(repeating: "x", count: 65), "a,b", "a%20b",
  ]

  @Test(arguments: badIDs)
  func badUsersAreNamed(id: String) throws {
    let reply = try claim(id, key: "r-1")
    #expect(reply.status == 400)
    // The parser refuses control characters before anybody looks at the field.
    #expect(["invalid_user", "invalid_request"].contains(reply.code))
    #expect(try pair.locks() == 0)
  }

  @Test(arguments: badIDs)
  func badKeysAreNamed(id: String) throws {
    let reply = try claim("ann", key: id)
    #expect(reply.status == 400)
    #expect(["invalid_idempotency_key", "invalid_request"].contains(reply.code))
    #expect(try pair.locks() == 0)
  }

  @Test func aMissingUserIsNamed() throws {
    expectProblem(try client.send("POST", "\(path)/draws"), 400, "invalid_user")
    expectProblem(try client.send("GET", "\(path)/draws/r-1"), 400, "invalid_user")
    expectProblem(try client.send("DELETE", "\(path)/draws/r-1"), 400, "invalid_user")
  }

  @Test(arguments: ["0", "-1", "01", "1.5", "x", "9007199254740992", "", "%31"])
  func badActivitiesAreNamed(id: String) throws {
    expectProblem(try claim("ann", at: "/v1/activities/\(id)/draws"), 400, "invalid_activity")
    expectProblem(try client.send("GET", "/v1/activities/\(id)"), 400, "invalid_activity")
  }

  @Test(arguments: ["a%20b", "a:b", String(repeating: "x", count: 65), ""])
  func badRequestIDsInThePathAreNamed(id: String) throws {
    expectProblem(
      try client.send("GET", "\(path)/draws/\(id)", ["X-User-Id": "ann"]), 400, "invalid_request_id"
    )
  }

  @Test func repeatedHeadersOfOursAreRefused() throws {
    try client.write(
      Array(
        "POST \(path)/draws HTTP/1.1\r\nHost: x\r\nX-User-Id: ann\r\nX-User-Id: bob\r\n\r\n".utf8))
    expectProblem(try client.readReply(), 400, "invalid_request")
    #expect(try pair.locks() == 0)
  }

  @Test func methodsAreChecked() throws {
    let put = try client.send("PUT", "\(path)/draws", ["X-User-Id": "ann"])
    expectProblem(put, 405, "method_not_allowed")
    #expect(put.headers["allow"] == "POST")
    expectProblem(try client.send("POST", path), 405, "method_not_allowed")
    expectProblem(try client.send("BREW", path), 501, "method_unknown")
  }

  @Test func oversizeIsRefusedWithItsStatus() throws {
    let big = String(repeating: "x", count: 10_000)
    expectProblem(
      try HTTPTestClient(port: draw.port!).send("GET", "/\(big)"), 414, "target_too_long")
    expectProblem(
      try HTTPTestClient(port: draw.port!).send("GET", path, ["X-Big": big]), 431,
      "headers_too_large")
    expectProblem(
      try HTTPTestClient(port: draw.port!).send(
        "POST", "\(path)/draws", ["X-User-Id": "ann"], body: Array(big.utf8)), 413, "body_too_large"
    )
    expectProblem(
      try HTTPTestClient(port: draw.port!).send(
        "POST", "\(path)/draws", ["X-User-Id": "ann", "Transfer-Encoding": "chunked"]), 411,
      "length_required")
    #expect(try pair.locks() == 0)
  }

  @Test func halfARequestAndThenSilenceIsClosed() throws {
    let hasty = try pair.startDraw(["SLIDING_STOCK_HTTP_REQUEST_TIMEOUT_MS": "300"])
    let client = HTTPTestClient(port: hasty.port!)
    try client.write(Array("POST \(path)/draws HTTP/1.1\r\nHost: x\r\nX-User-".utf8))
    expectProblem(try client.readReply(), 408, "request_timeout")
    #expect(client.isClosedByServer())
    #expect(try pair.locks() == 0)
  }

  @Test func aClientThatLeavesHarmsNothing() throws {
    let leaver = HTTPTestClient(port: draw.port!)
    try leaver.write(
      Array(
        "POST \(path)/draws HTTP/1.1\r\nHost: x\r\nX-User-Id: ann\r\nIdempotency-Key: r-1\r\n\r\n"
          .utf8))
    leaver.close()
    // The claim was made or it was not; asked again, the same request tells.
    let reply = try claim("ann", key: "r-1")
    #expect(reply.state == "claimed")
    #expect(try pair.locks() == 1)
  }

  @Test func healthAndReadiness() throws {
    #expect(try client.send("GET", "/healthz").status == 200)
    #expect(try client.send("HEAD", "/healthz").body.isEmpty)
    #expect(try client.send("GET", "/readyz").status == 200)
  }
}
