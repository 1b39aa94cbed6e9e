import HTTPServer
import Testing
import Threads

/// What the server does to clients that are slow, silent, too many or too large.
@Suite(.timeLimit(.minutes(2))) struct LimitTests {
  /// Deadlines are looked at four times a second; the rest is for a busy machine.
  static let slackMs = 3_000

  @Test func halfARequestAndThenSilenceGets408() throws {
    let server = try HTTPServer(
      host: "127.0.0.1", port: 0, limits: HTTPLimits(requestTimeoutMs: 300),
      handler: EchoHandler())
    for half in [
      "G", "GET / HTTP/1.1\r\nHost:", "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx",
    ] {
      let client = try Client(port: server.port)
      let start = MonotonicTime.now
      try client.send(half)
      #expect(try client.reply(withinMs: 300 + Self.slackMs).status == 408)
      #expect(MonotonicTime.now.microseconds(since: start) >= 300_000)
      #expect(try client.readToEnd() == "")
    }
    #expect(server.statistics.refusals == [408: 3])
    #expect(server.drain(until: .after(ms: 5_000)))
  }

  @Test func drippingBytesDoesNotBuyTime() throws {
    let server = try HTTPServer(
      host: "127.0.0.1", port: 0, limits: HTTPLimits(requestTimeoutMs: 400),
      handler: EchoHandler())
    let client = try Client(port: server.port)
    let deadline = MonotonicTime.after(ms: 400 + Self.slackMs)
    try client.send("GET / HTTP/1.1\r\nHost: a\r\nX: ")
    while server.statistics.refusals.isEmpty, .now < deadline {
      try client.send("x")
      _ = eventually(withinMs: 20) { !server.statistics.refusals.isEmpty }
    }
    // It came while the bytes still did.
    #expect(server.statistics.refusals == [408: 1])
    #expect(try client.reply().status == 408)
    #expect(server.drain(until: .after(ms: 5_000)))
  }

  @Test func anIdleConnectionIsClosedWithoutAWord() throws {
    let server = try HTTPServer(
      host: "127.0.0.1", port: 0, limits: HTTPLimits(idleTimeoutMs: 300), handler: EchoHandler())
    let silent = try Client(port: server.port)
    let asking = try Client(port: server.port)
    #expect(try asking.get("/").status == 200)
    #expect(try silent.readToEnd(withinMs: 300 + Self.slackMs) == "")
    #expect(try asking.readToEnd(withinMs: 300 + Self.slackMs) == "")
    #expect(server.statistics.idleTimeouts == 2)
    #expect(eventually { server.statistics.connections == 0 })
    #expect(server.drain(until: .after(ms: 5_000)))
  }

  @Test func aReaderThatIsTooSlowIsClosed() throws {
    struct Large: HTTPHandler {
      func handle(_ request: HTTPRequest, token: ReplyToken) -> HTTPReply? {
        HTTPReply(status: 200, body: [UInt8](repeating: 0x78, count: 8 << 20))
      }
    }
    let server = try HTTPServer(
      host: "127.0.0.1", port: 0, limits: HTTPLimits(writeTimeoutMs: 2_000, replyBytes: 32 << 20),
      handler: Large())
    let slow = try Client(port: server.port, receiveBuffer: 4_096)
    try slow.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    // One that reads gets all of it meanwhile.
    let quick = try Client(port: server.port)
    try quick.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    #expect(try quick.readToEnd().utf8.count > 8 << 20)
    #expect(eventually(withinMs: 2_000 + Self.slackMs) { server.statistics.writeTimeouts == 1 })
    #expect(eventually { server.statistics.connections == 0 })
    #expect(server.statistics.abandoned == 1)
    #expect(server.drain(until: .after(ms: 5_000)))
  }

  @Test func aReplyThatDoesNotComeBecomes503AndIsThenDropped() throws {
    let handler = PatientHandler()
    let server = try HTTPServer(
      host: "127.0.0.1", port: 0, limits: HTTPLimits(replyTimeoutMs: 300), handler: handler)
    let client = try Client(port: server.port)
    try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(try client.reply(withinMs: 300 + Self.slackMs).status == 503)
    server.reply([(try handler.take(1)[0].token, HTTPReply(status: 200))])
    #expect(try client.readToEnd() == "")
    #expect(eventually { server.statistics.staleReplies == 1 })
    #expect(server.statistics.replyTimeouts == 1)
    #expect(server.drain(until: .after(ms: 5_000)))
  }

  @Test func oneConnectionTooManyGets503() throws {
    let server = try HTTPServer(
      host: "127.0.0.1", port: 0, limits: HTTPLimits(connections: 3), handler: EchoHandler())
    let clients = try (0..<3).map { _ in try Client(port: server.port) }
    for client in clients { #expect(try client.get("/").status == 200) }
    let extra = try Client(port: server.port)
    #expect(try extra.get("/").status == 503)
    #expect(try extra.readToEnd() == "")
    extra.close()
    clients[0].close()
    #expect(eventually { server.statistics.connections == 2 })
    #expect(try Client(port: server.port).get("/").status == 200)
    #expect(server.statistics.overLimit == 1)
    #expect(server.drain(until: .after(ms: 5_000)))
  }

  @Test func aRefusalReachesAClientThatGoesOnSending() throws {
    let server = try HTTPServer(host: "127.0.0.1", port: 0, handler: EchoHandler())
    for _ in 0..<20 {
      let client = try Client(port: server.port)
      try client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n")
      try client.send([UInt8](repeating: 0x78, count: 500_000))
      let reply = try client.reply()
      #expect(reply.status == 413)
      #expect(reply.headers["connection"] == "close")
      #expect(reply.body == "body too large\n")
    }
    #expect(server.drain(until: .after(ms: 5_000)))
  }

  @Test func aReplyBeyondTheBoundBecomes500() throws {
    let server = try HTTPServer(
      host: "127.0.0.1", port: 0, limits: HTTPLimits(replyBytes: 300), handler: EchoHandler())
    let client = try Client(port: server.port)
    #expect(try client.get("/").status == 200)
    #expect(try client.get("/" + String(repeating: "a", count: 300)).status == 500)
    #expect(server.drain(until: .after(ms: 5_000)))
  }

  @Test func outOfDescriptorsTheServerShedsNewcomersAndDoesNotSpin() async {
    await #expect(processExitsWith: .success) { try DescriptorFamine.run() }
  }
}
