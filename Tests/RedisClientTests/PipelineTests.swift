import Foundation
import RedisClient
import Testing
import Threads

@Suite struct PipelineTests {
  @Test func everyKindOfReply() throws {
    let server = try RedisServer()
    defer { server.end() }
    let connection = try server.connect()
    let replies = try connection.pipeline([
      RedisCommand("SET", "k", "v"), RedisCommand("GET", "k"), RedisCommand("GET", "absent"),
      RedisCommand("INCR", "n"), RedisCommand("INCR", "k"),
      RedisCommand("EVAL", "return {1, {'a', {}, false}}", "0"), RedisCommand("NONSENSE"),
    ])
    #expect(replies[0] == .status("OK"))
    #expect(replies[1].text == "v")
    #expect(replies[2] == .null)
    #expect(replies[3].int == 1)
    #expect(replies[4].error?.code == "ERR")
    #expect(
      replies[5] == .array([.integer(1), .array([.string([0x61]), .array([]), .null])]))
    #expect(replies[6].error?.message.hasPrefix("unknown command") == true)
    #expect(try connection.pipeline([]) == [])
  }

  @Test func anyBytesAndAnySize() throws {
    let server = try RedisServer()
    defer { server.end() }
    let connection = try server.connect()
    let all = [UInt8](0...255) + Array("\r\n$-1\r\n".utf8)
    let large = (0..<5_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    var set = RedisCommand("MSET")
    for argument in [all, all, [], [], Array("large".utf8), large] { set.append(argument) }
    var get = RedisCommand("MGET")
    for key in [all, [], Array("large".utf8)] { get.append(key) }
    let replies = try connection.pipeline([set, get])
    #expect(replies[1] == .array([.string(all), .string([]), .string(large)]))
  }

  @Test func twentyThousandInOrder() throws {
    let server = try RedisServer()
    defer { server.end() }
    let connection = try server.connect()
    let commands = (0..<20_000).map { index in
      index % 3 == 0 ? RedisCommand("INCR", "n") : RedisCommand("ECHO", "\(index)")
    }
    let replies = try connection.pipeline(commands)
    #expect(replies.count == commands.count)
    for (index, reply) in replies.enumerated() {
      if index % 3 == 0 {
        #expect(reply.int == Int64(index / 3 + 1))
      } else {
        #expect(reply.text == "\(index)")
      }
    }
  }

  @Test func tooMuchIsRefusedUnsent() throws {
    let server = try RedisServer()
    defer { server.end() }
    let connection = try server.connect()
    var large = RedisCommand("SET", "k")
    large.append([UInt8](repeating: 0, count: RedisConnection.maximumBytes))
    let many = [RedisCommand](
      repeating: RedisCommand("INCR", "n"), count: RedisConnection.maximumCommands + 1)
    for commands in [[large], many] {
      let error = try #require(throws: RedisError.self) { try connection.pipeline(commands) }
      #expect(error.kind == .tooLarge && !error.outcomeUnknown)
    }
    #expect(try connection.pipeline([RedisCommand("DBSIZE")])[0].int == 0)
  }

  @Test func lateReplyNeverAnswersTheNextCommand() throws {
    let server = try RedisServer()
    defer { server.end() }
    let session = RedisSession(
      server.endpoint(commandTimeoutMs: 300), backoff: Backoff(initialMs: 1, maximumMs: 2))
    let error = try #require(throws: RedisError.self) {
      try session.pipeline([RedisCommand("DEBUG", "SLEEP", "0.6"), RedisCommand("ECHO", "late")])
    }
    #expect(error.kind == .timeout && error.outcomeUnknown)
    #expect(!session.isConnected)
    let replies = try untilConnected(session, [RedisCommand("ECHO", "next")])
    #expect(replies.map(\.text) == ["next"])
    #expect(session.connectionCount >= 2)
  }

  @Test func drippingRepliesDontStretchTheDeadline() throws {
    let server = try PlayedServer { client in
      for _ in 0..<400 {
        send(client, "$")
        var descriptor = pollfd(fd: client, events: 0, revents: 0)
        if poll(&descriptor, 1, 20) > 0 { return }
        send(client, "1\r\na\r\n")
      }
    }
    defer { server.end() }
    let connection = try server.connect(commandTimeoutMs: 200)
    let started = MonotonicTime.now
    let error = try #require(throws: RedisError.self) {
      try connection.pipeline([RedisCommand](repeating: RedisCommand("PING"), count: 390))
    }
    #expect(error.kind == .timeout)
    #expect(MonotonicTime.now.microseconds(since: started) < 4_000_000)
    #expect(!connection.isUsable)
    let after = try #require(throws: RedisError.self) {
      try connection.pipeline([RedisCommand("PING")])
    }
    #expect(after.kind == .closed && !after.outcomeUnknown)
  }

  @Test func nonsenseFromTheServer() throws {
    let server = try PlayedServer { client in
      var byte: UInt8 = 0
      _ = read(client, &byte, 1)
      send(client, "HTTP/1.1 400 Bad Request\r\n\r\n")
    }
    defer { server.end() }
    let connection = try server.connect(commandTimeoutMs: 5_000)
    let error = try #require(throws: RedisError.self) {
      try connection.pipeline([RedisCommand("PING")])
    }
    #expect(error.kind == .protocolViolation && error.outcomeUnknown)
    #expect(!connection.isUsable)
  }
}

/// Asks until the back-off is over.
func untilConnected(_ session: RedisSession, _ commands: [RedisCommand]) throws -> [RedisReply] {
  let deadline = MonotonicTime.after(ms: 10_000)
  while true {
    do {
      return try session.pipeline(commands)
    } catch {
      if deadline < .now { throw error }
      usleep(2_000)
    }
  }
}
