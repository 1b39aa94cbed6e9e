import HTTPServer
import Testing
import Threads

/// The finer points of HTTP/1.1, and clients that leave.
@Suite(.timeLimit(.minutes(2))) struct DialogueTests {
  @Test func aClientThatLeftGetsNothingAndItsSuccessorOnlyItsOwn() throws {
    let handler = PatientHandler()
    let server = try HTTPServer(host: "127.0.0.1", port: 0, handler: handler)
    let leaver = try Client(port: server.port)
    try leaver.send("GET /leaver HTTP/1.1\r\nHost: a\r\n\r\n")
    let old = try handler.take(1)[0].token
    leaver.abort()
    #expect(eventually { server.statistics.connections == 0 })
    #expect(server.statistics.abandoned == 1)

    // The successor sits in the same slot.
    let successor = try Client(port: server.port)
    try successor.send("GET /successor HTTP/1.1\r\nHost: a\r\n\r\n")
    let new = try handler.take(1)[0].token
    server.reply([(old, HTTPReply(status: 200, body: Array("old".utf8)))])
    #expect(eventually { server.statistics.staleReplies == 1 })
    let reply = HTTPReply(status: 200, body: Array("new".utf8))
    server.reply([(new, reply), (new, reply)])
    #expect(try successor.reply().body == "new")
    #expect(eventually { server.statistics.staleReplies == 2 })
    #expect(server.drain(until: .after(ms: 5_000)))
    #expect(try successor.readToEnd() == "")
  }

  @Test func aClientThatClosesInOrderWhileItsReplyIsDueHarmsNothing() throws {
    let handler = PatientHandler()
    let server = try HTTPServer(host: "127.0.0.1", port: 0, handler: handler)
    for _ in 0..<20 {
      let client = try Client(port: server.port)
      try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      let token = try handler.take(1)[0].token
      client.close()
      server.reply([(token, HTTPReply(status: 200, body: [1]))])
    }
    #expect(eventually { server.statistics.connections == 0 })
    #expect(server.drain(until: .after(ms: 5_000)))
  }

  @Test func aHalfClosedClientGetsItsReplies() throws {
    let handler = PatientHandler()
    let server = try HTTPServer(host: "127.0.0.1", port: 0, handler: handler)
    let client = try Client(port: server.port)
    try client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
    client.endWriting()
    for path in ["/1", "/2"] {
      let asked = try handler.take(1)[0]
      #expect(asked.path == path)
      server.reply([(asked.token, HTTPReply(status: 200, body: Array(path.utf8)))])
      #expect(try client.reply().body == path)
    }
    #expect(try client.readToEnd() == "")
    #expect(server.drain(until: .after(ms: 5_000)))
  }

  @Test func halfARequestAndTheEndIsRefused() throws {
    let server = try HTTPServer(host: "127.0.0.1", port: 0, handler: EchoHandler())
    let client = try Client(port: server.port)
    try client.send("GET / HTTP/1.1\r\n")
    client.endWriting()
    let reply = try client.reply()
    #expect(reply.status == 400)
    #expect(reply.body == "request incomplete\n")
    #expect(try client.readToEnd() == "")
    #expect(server.drain(until: .after(ms: 5_000)))
  }

  @Test func headHasTheLengthAndNoBody() throws {
    let server = try HTTPServer(host: "127.0.0.1", port: 0, handler: EchoHandler())
    let client = try Client(port: server.port)
    try client.send("HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(try client.reply(isHead: true).headers["content-length"] == "12")
    #expect(try client.get("/b").body == "GET /b - []")
    #expect(server.drain(until: .after(ms: 5_000)))
  }

  @Test func oldClientsAreServedAndClosedUnlessTheyAskToStay() throws {
    let server = try HTTPServer(host: "127.0.0.1", port: 0, handler: EchoHandler())
    let client = try Client(port: server.port)
    try client.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    #expect(try client.reply().headers["connection"] == "keep-alive")
    try client.send("GET /b HTTP/1.0\r\n\r\n")
    let last = try client.reply()
    #expect(last.body == "GET /b - []")
    #expect(last.headers["connection"] == "close")
    #expect(try client.readToEnd() == "")
    #expect(server.drain(until: .after(ms: 5_000)))
  }

  @Test func aClientThatAsksToGoOnIsTold() throws {
    let server = try HTTPServer(host: "127.0.0.1", port: 0, handler: EchoHandler())
    let client = try Client(port: server.port)
    let head = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: "
    for _ in 0..<2 {
      try client.send(head + "5\r\n\r\n")
      #expect(try client.reply().status == 100)
      try client.send("hello")
      #expect(try client.reply().body == "POST / - [hello]")
    }
    try client.send(head + "5000\r\n\r\n")
    #expect(try client.reply().status == 413)
    #expect(try client.readToEnd() == "")
    #expect(server.drain(until: .after(ms: 5_000)))
  }

  @Test func nonsenseAfterAGoodRequestIsRefusedAfterItsReply() throws {
    let handler = PatientHandler()
    let server = try HTTPServer(host: "127.0.0.1", port: 0, handler: handler)
    let client = try Client(port: server.port)
    try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\nnonsense\r\n\r\nGET / HTTP/1.1\r\n")
    server.reply([(try handler.take(1)[0].token, HTTPReply(status: 200))])
    #expect(try client.reply().status == 200)
    #expect(try client.reply().status == 400)
    #expect(try client.readToEnd() == "")
    #expect(handler.count == 0)
    #expect(server.drain(until: .after(ms: 5_000)))
  }

  @Test func refusalsAndHeadersAreTheHandlersToShape() throws {
    struct Shaping: HTTPHandler {
      func handle(_ request: HTTPRequest, token: ReplyToken) -> HTTPReply? {
        HTTPReply(
          status: 204, contentType: "", headers: [("X-A", "b\r\nEvil: 1"), ("Retry-After", "2")],
          body: [1])
      }
      func errorReply(status: Int, reason: String) -> HTTPReply {
        HTTPReply(
          status: status, contentType: "application/problem+json",
          body: Array("{\"detail\":\"\(reason)\"}".utf8))
      }
    }
    let server = try HTTPServer(
      host: "127.0.0.1", port: 0, singleHeaders: ["x-user-id"], handler: Shaping())
    let client = try Client(port: server.port)
    let reply = try client.get("/")
    #expect(reply.status == 204)
    #expect(reply.headers["x-a"] == "b  Evil: 1")
    #expect(reply.headers["evil"] == nil)
    #expect(reply.headers["retry-after"] == "2")
    #expect(reply.headers["content-length"] == nil)
    try client.send("GET / HTTP/1.1\r\nHost: a\r\nX-User-Id: a\r\nX-User-Id: a\r\n\r\n")
    let refusal = try client.reply()
    #expect(refusal.headers["content-type"] == "application/problem+json")
    #expect(refusal.body == "{\"detail\":\"x-user-id header repeated\"}")
    #expect(server.statistics.refusals == [400: 1])
    #expect(server.drain(until: .after(ms: 5_000)))
  }
}
