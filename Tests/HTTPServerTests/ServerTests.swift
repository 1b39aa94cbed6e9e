import HTTPServer
import Testing
import Threads

@Suite(.timeLimit(.minutes(2))) struct ServerTests {
  @Test func answersAndKeepsTheConnection() throws {
    let server = try HTTPServer(host: "127.0.0.1", port: 0, handler: EchoHandler())
    let client = try Client(port: server.port)
    for number in 1...3 {
      let reply = try client.get("/a/\(number)?q=%20")
      #expect(reply.status == 200)
      #expect(reply.body == "GET /a/\(number) q=%20 []")
      #expect(reply.headers["content-type"] == "text/plain")
      #expect(reply.headers["date"]?.hasSuffix(" GMT") == true)
      #expect(reply.headers["connection"] == nil)
    }
    #expect(server.statistics.requests == 3)
    #expect(server.statistics.accepted == 1)
    #expect(server.drain(until: .after(ms: 5_000)))
  }

  @Test(arguments: ["127.0.0.1", "::1", "localhost"]) func listensOn(_ host: String) throws {
    let server = try HTTPServer(host: host, port: 0, handler: EchoHandler())
    // Which of its two addresses a machine calls localhost first is up to its /etc/hosts.
    let client =
      try host == "localhost"
      ? (try? Client(port: server.port, host: "::1")) ?? Client(port: server.port)
      : Client(port: server.port, host: host)
    #expect(try client.get("/").status == 200)
    #expect(server.drain(until: .after(ms: 5_000)))
  }

  @Test func aPortThatIsTakenIsAnError() throws {
    let server = try HTTPServer(host: "127.0.0.1", port: 0, handler: EchoHandler())
    #expect(throws: HTTPServerError.self) {
      try HTTPServer(host: "127.0.0.1", port: server.port, handler: EchoHandler())
    }
    #expect(throws: HTTPServerError.self) {
      try HTTPServer(host: "no-such-host.invalid", port: 0, handler: EchoHandler())
    }
    #expect(server.drain(until: .after(ms: 5_000)))
  }

  @Test func pipelinedRequestsAreAnsweredInOrder() throws {
    let server = try HTTPServer(host: "127.0.0.1", port: 0, handler: EchoHandler())
    let client = try Client(port: server.port)
    // More than one turn's share and more than one read.
    let count = 1_000
    try client.send(
      (1...count).map { "POST /\($0) HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" }.joined()
    )
    for number in 1...count {
      #expect(try client.reply().body == "POST /\(number) - [abc]")
    }
    #expect(server.drain(until: .after(ms: 5_000)))
  }

  @Test func oneRequestOfAConnectionIsInProgressAtATime() throws {
    let handler = PatientHandler()
    let server = try HTTPServer(host: "127.0.0.1", port: 0, handler: handler)
    let client = try Client(port: server.port)
    try client.send((1...3).map { "GET /\($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined())
    for number in 1...3 {
      let asked = try handler.take(1)
      #expect(asked.map(\.path) == ["/\(number)"])
      server.reply([(asked[0].token, HTTPReply(status: 200, body: Array("\(number)".utf8)))])
      #expect(try client.reply().body == "\(number)")
    }
    #expect(server.drain(until: .after(ms: 5_000)))
  }

  @Test func aReplyFromAnotherThreadWakesTheLoop() throws {
    let handler = PatientHandler()
    let server = try HTTPServer(host: "127.0.0.1", port: 0, handler: handler)
    let client = try Client(port: server.port)
    let start = MonotonicTime.now
    for _ in 0..<40 {
      try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      server.reply([(try handler.take(1)[0].token, HTTPReply(status: 200))])
      #expect(try client.reply().status == 200)
    }
    // Left to the loop's own look at its deadlines, it would take twice as long.
    #expect(MonotonicTime.now.microseconds(since: start) < 2_500_000)
    #expect(server.drain(until: .after(ms: 5_000)))
  }

  @Test func repliesInBatchesOverTwoLoops() throws {
    let handler = BatchHandler(body: "x")
    let server = try HTTPServer(host: "127.0.0.1", port: 0, loops: 2, handler: handler)
    handler.start(server)
    let clients = try (0..<50).map { _ in try Client(port: server.port) }
    for _ in 0..<10 {
      for client in clients { try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n") }
      for client in clients { #expect(try client.reply().body == "x") }
    }
    #expect(server.statistics.requests == 500)
    #expect(eventually { server.statistics.replies == 500 })
    #expect(server.drain(until: .after(ms: 5_000)))
    handler.stop()
  }
}
