import Foundation
import Glibc
import TestSupport
import Testing

/// A DrawService that was stopped for a while: what its clients have given up is not claimed when it goes on.
@Suite(.serialized) struct StoppedTests {
  @Test func whatCameWhileItWasStoppedIsTooLate() throws {
    let deadlineMs = 600
    let pair = try Pair(
      stock: 10, settings: ["SLIDING_STOCK_CLAIM_DEADLINE_MS": "\(deadlineMs)"])
    let draw = try pair.startDraw()
    let known = HTTPTestClient(port: try #require(draw.port))
    #expect(try known.send("GET", "/healthz").status == 200)
    let newcomer = HTTPTestClient(port: try #require(draw.port))

    defer { draw.process.signal(SIGCONT) }
    // What comes in the moment before it stands comes in time.
    try freeze(draw.process.pid)
    for (client, user) in [(known, "ann"), (newcomer, "bob")] {
      try client.write(
        Array(
          """
          POST /v1/activities/\(pair.activity)/draws HTTP/1.1\r
          Host: test\r
          X-User-Id: \(user)\r
          Content-Length: 0\r
          \r

          """.utf8))
    }
    // The time in which an asker would learn that nothing was claimed: the deadline, and what arrivals are sure to.
    usleep(UInt32(deadlineMs + 700) * 1_000)
    draw.process.signal(SIGCONT)

    for client in [known, newcomer] {
      let reply = try client.readReply()
      #expect(reply.status == 503)
      #expect(reply.text.contains(#""code":"overloaded""#))
    }
    #expect(try pair.locks() == 0)
    let again = try known.send(
      "POST", "/v1/activities/\(pair.activity)/draws", ["X-User-Id": "ann"])
    #expect(again.status == 200)
    #expect(try draw.process.terminate() == .exited(0))
  }
}
