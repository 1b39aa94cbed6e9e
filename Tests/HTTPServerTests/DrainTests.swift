import HTTPServer
import Testing
import Threads

/// The end of a server.
@Suite(.timeLimit(.minutes(2))) struct DrainTests {
  @Test func whatIsInFlightIsAnsweredIdleIsClosedAndNobodyElseComesIn() throws {
    let handler = PatientHandler()
    let server = try HTTPServer(host: "127.0.0.1", port: 0, loops: 2, handler: handler)
    let idle = try Client(port: server.port)
    let busy = try (0..<100).map { _ in try Client(port: server.port) }
    for client in busy {
      try client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
    }
    let asked = try handler.take(100)
    #expect(eventually { server.statistics.connections == 101 })

    server.stopAccepting()
    #expect(try idle.readToEnd() == "")
    #expect(
      eventually {
        do {
          _ = try Client(port: server.port)
          return false
        } catch { return true }
      })

    let outcome = Lock<Bool?>(nil)
    let waiter = NamedThread("drain") {
      let drained = server.drain(until: .after(ms: 20_000))
      outcome.withLock { $0 = drained }
    }
    // Half of them in one batch, the others one by one.
    server.reply(asked[..<50].map { ($0.token, HTTPReply(status: 200)) })
    #expect(outcome.withLock { $0 } == nil)
    for request in asked[50...] { server.reply([(request.token, HTTPReply(status: 200))]) }
    for client in busy {
      let reply = try client.reply()
      #expect(reply.status == 200)
      #expect(reply.headers["connection"] == "close")
      #expect(try client.readToEnd() == "")
      client.close()
    }
    waiter.join()
    #expect(outcome.withLock { $0 } == true)
    #expect(server.statistics.connections == 0)
    #expect(server.statistics.requests == 100)
    #expect(server.drain(until: .now))
  }

  @Test func aRequestThatHasBegunIsStillServed() throws {
    let server = try HTTPServer(host: "127.0.0.1", port: 0, handler: EchoHandler())
    let client = try Client(port: server.port)
    try client.send("GET / HTTP/1.1\r\n")
    #expect(eventually { server.statistics.bytesReceived == 16 })
    let waiter = NamedThread("drain") { _ = server.drain(until: .after(ms: 20_000)) }
    try client.send("Host: a\r\n\r\n")
    #expect(try client.reply().status == 200)
    #expect(try client.readToEnd() == "")
    client.close()
    waiter.join()
    #expect(server.statistics.connections == 0)
  }

  @Test func theDeadlineEndsItAndSaysSo() throws {
    let handler = PatientHandler()
    let server = try HTTPServer(host: "127.0.0.1", port: 0, handler: handler)
    let client = try Client(port: server.port)
    try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    let token = try handler.take(1)[0].token
    #expect(!server.drain(until: .after(ms: 200)))
    #expect(try client.readToEnd() == "")
    server.reply([(token, HTTPReply(status: 200))])
    #expect(!server.drain(until: .after(ms: 200)))
    #expect(server.statistics.connections == 0)
  }

  @Test func aClientThatNeverClosesDelaysItNoLongerThanTheLinger() throws {
    let server = try HTTPServer(
      host: "127.0.0.1", port: 0, limits: HTTPLimits(lingerTimeoutMs: 200), handler: EchoHandler())
    let client = try Client(port: server.port)
    try client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    #expect(try client.reply().status == 200)
    let start = MonotonicTime.now
    #expect(server.drain(until: .after(ms: 20_000)))
    #expect(MonotonicTime.now.microseconds(since: start) < 5_000_000)
    client.close()
  }
}
