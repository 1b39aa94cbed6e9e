import Foundation
import RedisClient
import TestSupport
import Testing
import Threads

@Suite struct SessionTests {
  @Test func serverKilledAndRestarted() throws {
    let server = try RedisServer()
    defer { server.end() }
    let session = RedisSession(
      server.endpoint(), backoff: Backoff(initialMs: 4_000, maximumMs: 4_000))
    var states: [RedisSession.State] = []
    session.onStateChange = { states.append($0) }
    #expect(try session.pipeline([RedisCommand("PING")]) == [.status("PONG")])
    server.kill()

    let error = try #require(throws: RedisError.self) {
      try session.pipeline([RedisCommand("PING")])
    }
    #expect(error.kind == .connect && !error.outcomeUnknown)
    let started = MonotonicTime.now
    let next = try #require(throws: RedisError.self) {
      try session.pipeline([RedisCommand("PING")])
    }
    #expect(next.kind == .backingOff && !next.outcomeUnknown)
    #expect(MonotonicTime.now.microseconds(since: started) < 1_000_000, "it never sleeps")
    #expect(session.lastError != nil && session.retryAt != nil)

    try server.start()
    #expect(try untilConnected(session, [RedisCommand("PING")]) == [.status("PONG")])
    #expect(session.connectionCount == 2 && session.isConnected)
    #expect(session.lastError == nil && session.retryAt == nil)
    #expect(states.first == .connected && states.last == .connected)
    #expect(
      states.contains {
        if case .lost(let error) = $0 { error.kind == .closed } else { false }
      })
  }

  /// Its name may lead elsewhere by now: not at every word of doubt, and without a word of its own.
  @Test func aRenewedSessionConnectsAnewOnceASecond() throws {
    let server = try RedisServer()
    defer { server.end() }
    let session = RedisSession(server.endpoint())
    var states: [RedisSession.State] = []
    session.onStateChange = { states.append($0) }
    let id = { try session.pipeline([RedisCommand("CLIENT", "ID")])[0].int }
    let first = try id()
    session.renew()
    #expect(!session.isConnected)
    let second = try id()
    #expect(first != second && session.connectionCount == 2)
    session.renew()
    #expect(session.isConnected)
    let isRenewed = try eventually(within: 10) {
      session.renew()
      return try id() != second
    }
    #expect(isRenewed && session.connectionCount == 3)
    #expect(states == [.connected])
  }

  @Test func whatWasSentIsReceivedThoughTheSessionIsRenewedBetween() throws {
    let server = try RedisServer()
    defer { server.end() }
    let session = RedisSession(server.endpoint())
    try session.send([RedisCommand("SET", "a", "1"), RedisCommand("INCR", "a")])
    session.renew()
    #expect(session.isConnected)
    #expect(try session.receive() == [.status("OK"), .integer(2)])
    #expect(!session.isConnected)
    #expect(try session.pipeline([RedisCommand("GET", "a")])[0].text == "2")
    #expect(session.connectionCount == 2)
  }

  @Test func killedUnderAPipelineIsUnknown() throws {
    let server = try RedisServer()
    defer { server.end() }
    let connection = try server.connect()
    // SIGPIPE would end the test process here.
    server.kill()
    let error = try #require(throws: RedisError.self) {
      try connection.pipeline([RedisCommand("INCR", "n"), RedisCommand("INCR", "n")])
    }
    #expect(error.kind == .closed && error.outcomeUnknown)
    #expect(connection.isStale && !connection.isUsable)
  }

  @Test func closedWhileIdleIsNoticedBeforeAnythingIsSent() throws {
    let server = try RedisServer()
    defer { server.end() }
    let session = RedisSession(server.endpoint())
    let id = try #require(try session.pipeline([RedisCommand("CLIENT", "ID")])[0].int)
    let other = try server.connect()
    #expect(try other.pipeline([RedisCommand("CLIENT", "KILL", "ID", "\(id)")])[0].int == 1)
    #expect(try session.pipeline([RedisCommand("INCR", "n")])[0].int == 1)
    #expect(session.connectionCount == 2)
  }

  @Test func closeAndGoOn() throws {
    let server = try RedisServer()
    defer { server.end() }
    let session = RedisSession(server.endpoint())
    _ = try session.pipeline([RedisCommand("PING")])
    session.close()
    #expect(!session.isConnected)
    _ = try session.pipeline([RedisCommand("PING")])
    #expect(session.connectionCount == 2)
  }

  @Test func nobodyListens() throws {
    let session = RedisSession(RedisEndpoint(socket: "/nonexistent/socket"))
    let error = try #require(throws: RedisError.self) {
      try session.pipeline([RedisCommand("PING")])
    }
    #expect(error.kind == .connect && !error.outcomeUnknown)
    #expect(error.message.contains("/nonexistent/socket"))
  }
}
