import HTTPServer
import Testing
import Threads

/// Many clients at once, some of them rude: whoever behaves gets exactly its own replies, and in the end
/// nothing is left.
@Suite(.timeLimit(.minutes(3))) struct StormTests {
  static let threads = 4
  static let conversationsEach = 250

  @Test func rudeClientsHarmNobody() throws {
    let seed = UInt64.random(in: .min ... .max)
    let handler = BatchHandler()
    let server = try HTTPServer(
      host: "127.0.0.1", port: 0, loops: 2, limits: HTTPLimits(lingerTimeoutMs: 300),
      handler: handler)
    handler.start(server)
    let complaints = Lock<[String]>([])
    let clients = (0..<Self.threads).map { number in
      NamedThread("client-\(number)") {
        var generator = RequestGenerator(seed: seed &+ UInt64(number))
        for round in 0..<Self.conversationsEach {
          do {
            try Self.converse(server.port, "/\(number)/\(round)", &generator)
          } catch {
            complaints.withLock { $0.append("\(number)/\(round): \(error)") }
          }
        }
      }
    }
    for client in clients { client.join() }
    let said = complaints.withLock { $0 }
    #expect(said.isEmpty, "seed \(seed): \(said.prefix(5))")
    #expect(eventually { server.statistics.connections == 0 })
    #expect(server.statistics.accepted == Self.threads * Self.conversationsEach)
    #expect(server.drain(until: .after(ms: 5_000)))
    handler.stop()
  }

  private static func converse(
    _ port: UInt16, _ path: String, _ generator: inout RequestGenerator
  ) throws {
    let client = try Client(port: port)
    let request = "GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n"
    switch Int.random(in: 0..<6, using: &generator.random) {
    case 0:  // leaves with a request at the handler
      try client.send(request)
      client.abort()
    case 1:  // leaves in the middle of one
      try client.send(String(request.prefix(20)))
      client.close()
    case 2:  // talks nonsense and goes; the server may have had enough before it is done
      for _ in 0..<3 { try? client.send(generator.next()) }
      client.abort()
    case 3:  // asks many things at once and says that this is all
      try client.send((0..<5).map { request.replacing(path, with: "\(path)/\($0)") }.joined())
      client.endWriting()
      for number in 0..<5 { try expect(client.reply().body, "\(path)/\(number)") }
      try expect(client.readToEnd(), "")
    default:  // asks one thing after the other, cut anywhere
      for number in 0..<3 {
        let bytes = Array(request.replacing(path, with: "\(path)/\(number)").utf8)
        let cut = Int.random(in: 0...bytes.count, using: &generator.random)
        try client.send(Array(bytes[..<cut]))
        try client.send(Array(bytes[cut...]))
        try expect(client.reply().body, "\(path)/\(number)")
      }
    }
  }

  private static func expect(_ got: String, _ wanted: String) throws {
    if got != wanted { throw Client.Failure("got \(got) instead of \(wanted)") }
  }
}
