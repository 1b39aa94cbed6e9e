import RedisClient
import Testing

@Suite struct ScriptTests {
  private let increment = RedisScript(
    name: "increment", source: Array("return redis.call('INCRBY', KEYS[1], ARGV[1])".utf8))
  private let echo = RedisScript(name: "echo", source: Array("return ARGV".utf8))

  @Test func namesAreWhatTheServerComputes() throws {
    let server = try RedisServer()
    defer { server.end() }
    let connection = try server.connect()
    for length in [0, 1, 52, 53, 54, 55, 60, 61, 62, 63, 64, 118, 119, 120, 5_000] {
      let source = "--" + String(repeating: "x", count: length)
      var load = RedisCommand("SCRIPT", "LOAD")
      load.append(source)
      let reply = try connection.pipeline([load])[0]
      #expect(reply.text == RedisScript(name: "x", source: Array(source.utf8)).sha1)
    }
  }

  @Test func loadedOnEachNewConnection() throws {
    let server = try RedisServer()
    defer { server.end() }
    let connection = try server.connect(scripts: [increment, echo])
    let exists = RedisCommand("SCRIPT", "EXISTS", increment.sha1, echo.sha1)
    #expect(try connection.pipeline([exists]) == [.array([.integer(1), .integer(1)])])
    var command = RedisCommand.script(echo, keys: ["k"], arguments: ["a"])
    command.append(-7)
    command.append([0, 255])
    #expect(command.argumentCount == 7)
    let reply = try connection.pipeline([command])[0]
    #expect(reply == .array([.string([0x61]), .string(Array("-7".utf8)), .string([0, 255])]))
  }

  @Test func forgottenScriptsAreSentAgainAlone() throws {
    let server = try RedisServer()
    defer { server.end() }
    let connection = try server.connect(scripts: [increment])
    let by10 = RedisCommand.script(increment, keys: ["n"], arguments: ["10"])
    let replies = try connection.pipeline([
      by10, RedisCommand("SCRIPT", "FLUSH"), by10, RedisCommand("INCR", "n"),
      .script(echo, keys: [], arguments: ["x"]), by10,
    ])
    #expect(
      replies == [
        .integer(10), .status("OK"), .integer(21), .integer(11),
        .array([.string([0x78])]), .integer(31),
      ])
    #expect(connection.isUsable)
  }

  @Test func triedAgainOnlyOnce() throws {
    let server = try RedisServer()
    defer { server.end() }
    _ = try server.connect().pipeline([
      RedisCommand("ACL", "SETUSER", "default", "-script|load")
    ])
    let connection = try server.connect()
    let replies = try connection.pipeline([.script(echo, keys: []), RedisCommand("PING")])
    #expect(replies[0].error?.code == "NOSCRIPT")
    #expect(replies[1] == .status("PONG"))
    let error = try #require(throws: RedisError.self) { try server.connect(scripts: [echo]) }
    #expect(error.kind == .connect && error.message.contains("SCRIPT LOAD of echo"))
  }
}
