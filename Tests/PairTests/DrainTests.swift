import Glibc
import RedisClient
import TestSupport
import Testing

@testable import Crowd

/// SIGTERM with draws in flight: what was read is answered, what was answered is true, the status is 0.
@Suite(.serialized) struct DrainTests {
  /// The broker is held still, so that every draw is in flight for certain when the signal comes.
  @Test func drawServiceAnswersEveryRequestThatItRead() throws {
    let stack = try LocalStack.start(LocalStack.Part.allCases)
    defer { stack.end() }
    let pair = try Pair(on: stack, stock: 1_000)
    let draw = try pair.startDraw()
    let holders = try (0..<20).map { try ask(pair, draw, "POST", "holder-\($0)") }
    for holder in holders { #expect(try holder.readReply().state == "claimed") }

    try freeze(stack.pid(.kafka))
    defer { kill(stack.pid(.kafka), SIGCONT) }
    let claims = try (0..<120).map { try ask(pair, draw, "POST", "user-\($0)") }
    let releases = try (0..<20).map { try ask(pair, draw, "DELETE", "holder-\($0)") }
    #expect(try eventually(within: 20) { try pair.locks() == 140 && releasing(pair) == 20 })
    draw.process.signal(SIGTERM)
    #expect(eventually(within: 10) { !draw.lines("stopping").isEmpty })
    kill(stack.pid(.kafka), SIGCONT)

    var claimed: [(user: String, slot: Int)] = []
    for (number, client) in claims.enumerated() {
      let reply = try client.readReply()
      #expect([200, 202].contains(reply.status))
      #expect(reply.headers["connection"]?.lowercased() == "close")
      if reply.state == "claimed" { claimed.append(("user-\(number)", reply.slot!)) }
    }
    var released: [String] = []
    for (number, client) in releases.enumerated() {
      let reply = try client.readReply()
      #expect([200, 202].contains(reply.status))
      if reply.state == "released" { released.append("holder-\(number)") }
    }
    #expect(try draw.process.wait(within: 20) == .exited(0))
    #expect(throws: (any Error).self) { try ask(pair, draw, "POST", "late") }

    let worker = try pair.startWorker()
    #expect(
      try eventually(within: 30) { try pair.query("SELECT count(*) FROM claim") == "140" })
    let rows = try pair.query("SELECT usr || ' ' || slot || ' ' || state FROM claim")
    let lines = Set(rows.split(separator: "\n").map(String.init))
    for (user, slot) in claimed { #expect(lines.contains("\(user) \(slot) claimed")) }
    for user in released {
      #expect(lines.contains { $0.hasPrefix("\(user) ") && $0.hasSuffix(" released") })
    }
    #expect(try worker.process.terminate() == .exited(0))
  }

  @Test func servicesStoppedInTheMiddleOfASaleBreakNoPromise() throws {
    let pair = try Pair(stock: 2_000)
    let draws = [try pair.startDraw(), try pair.startDraw()]
    let first = try pair.startWorker()
    let crowd = try pair.startCrowd(
      draws, ["--users", "6000", "--concurrency", "128", "--give-back", "0.1", "--until-held"])
    #expect(try eventually(within: 60) { try pair.locks() >= 500 })
    draws[0].process.signal(SIGTERM)
    first.process.signal(SIGTERM)
    #expect(try draws[0].process.wait(within: 20) == .exited(0))
    #expect(try first.process.wait(within: 20) == .exited(0))
    let second = try pair.startWorker()
    expectKept(try pair.report(of: crowd))
    for service in [draws[1], second] { #expect(try service.process.terminate() == .exited(0)) }
  }

  /// A second signal ends a drain that would take its time.
  @Test func aSecondSignalEndsAtOnce() throws {
    let stack = try LocalStack.start(LocalStack.Part.allCases)
    defer { stack.end() }
    let pair = try Pair(on: stack, stock: 10)
    let draw = try pair.startDraw()
    try freeze(stack.pid(.kafka))
    defer { kill(stack.pid(.kafka), SIGCONT) }
    let client = try ask(pair, draw, "POST", "ann")
    #expect(try eventually(within: 10) { try pair.locks() == 1 })
    draw.process.signal(SIGTERM)
    #expect(eventually(within: 10) { !draw.lines("stopping").isEmpty })
    draw.process.signal(SIGTERM)
    #expect(try draw.process.wait(within: 1.5) != .exited(0))
    client.close()
  }

  private func ask(
    _ pair: Pair, _ draw: Service, _ method: String, _ user: String
  ) throws -> HTTPTestClient {
    let client = HTTPTestClient(port: draw.port!)
    let suffix = method == "POST" ? "" : "/r-1"
    try client.write(
      Array(
        """
        \(method) /v1/activities/\(pair.activity)/draws\(suffix) HTTP/1.1\r
        Host: x\r
        X-User-Id: \(user)\r
        Idempotency-Key: r-1\r
        \r\n
        """.utf8))
    return client
  }

  /// Locks that are being released.
  private func releasing(_ pair: Pair) throws -> Int {
    let holders =
      try pair.redis([RedisCommand("HVALS", "\(pair.stockKey):locks")])[0].elements ?? []
    return holders.count { $0.text?.hasSuffix(" r") == true }
  }
}
