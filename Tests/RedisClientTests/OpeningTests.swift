import RedisClient
import Testing

/// How a connection is entered: address, password, user, database, name.
@Suite struct OpeningTests {
  private let secret = "correct-horse-battery"

  @Test(arguments: ["127.0.0.1", "localhost"]) func hostAndPort(host: String) throws {
    let server = try RedisServer()
    defer { server.end() }
    let connection = try RedisConnection(
      RedisEndpoint(host: host, port: server.port, clientName: "lane-1"))
    let replies = try connection.pipeline([RedisCommand("CLIENT", "GETNAME")])
    #expect(replies[0].text == "lane-1")
  }

  @Test func databaseIsSelected() throws {
    let server = try RedisServer()
    defer { server.end() }
    var endpoint = server.endpoint()
    endpoint.database = 3
    _ = try RedisConnection(endpoint).pipeline([RedisCommand("SET", "k", "v")])
    let plain = try server.connect()
    let replies = try plain.pipeline([
      RedisCommand("DBSIZE"), RedisCommand("SELECT", "3"), RedisCommand("DBSIZE"),
    ])
    #expect(replies.map(\.int) == [0, nil, 1])
    endpoint.database = 99
    #expect(throws: RedisError.self) { try RedisConnection(endpoint) }
  }

  @Test func passwordOfTheDefaultUser() throws {
    let server = try RedisServer(["--requirepass", secret])
    defer { server.end() }
    var endpoint = server.endpoint()
    #expect(try refusal(endpoint).kind == .authentication)
    endpoint.password = "wrong-\(secret)"
    let refused = try refusal(endpoint)
    #expect(refused.kind == .authentication)
    #expect(!"\(refused)".contains(secret) && "\(refused)".contains("WRONGPASS"))
    endpoint.password = secret
    #expect(try RedisConnection(endpoint).pipeline([RedisCommand("PING")]).count == 1)
  }

  @Test func userOfAnAccessList() throws {
    let server = try RedisServer()
    defer { server.end() }
    _ = try server.connect().pipeline([
      RedisCommand("ACL", "SETUSER", "draws", "on", ">\(secret)", "~stock:*", "+@all", "-@admin")
    ])
    var endpoint = server.endpoint()
    endpoint.username = "draws"
    endpoint.password = secret
    let replies = try RedisConnection(endpoint).pipeline([
      RedisCommand("ACL", "WHOAMI"), RedisCommand("GET", "other:k"),
    ])
    #expect(replies[0].text == "draws")
    #expect(replies[1].error?.code == "NOPERM")
  }

  /// Such a server repeats the arguments of the command that it does not know.
  @Test func serverWithoutAuthRepeatsNoSecret() throws {
    let server = try RedisServer(["--rename-command", "AUTH", "OTHER"])
    defer { server.end() }
    var endpoint = server.endpoint()
    endpoint.password = secret
    let refused = try refusal(endpoint)
    #expect(refused.kind == .authentication && !"\(refused)".contains(secret))
  }

  @Test func endpointIsPrintedWithoutItsPassword() {
    let endpoint = RedisEndpoint(host: "::1", port: 7, username: "draws", password: secret)
    var dumped = ""
    dump(endpoint, to: &dumped)
    for text in ["\(endpoint)", String(reflecting: endpoint), dumped] {
      #expect(text.contains("draws@[::1]:7/0") && !text.contains(secret))
    }
  }

  private func refusal(_ endpoint: RedisEndpoint) throws -> RedisError {
    try #require(throws: RedisError.self) { try RedisConnection(endpoint) }
  }
}
