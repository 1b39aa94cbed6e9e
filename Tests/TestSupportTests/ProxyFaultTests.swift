import Foundation
import TestSupport
import Testing
import Threads

/// Each fault as a client of a real Redis sees it, with the proxy's own evidence.
@Suite struct ProxyFaultTests {
  private let stack: LocalStack
  private let proxy: RedirectingProxy
  private let client: RedisConnection

  init() throws {
    stack = try LocalStack.start([.redis])
    try stack.redis("set", "name", "first")
    proxy = try RedirectingProxy(to: stack.redisPort)
    client = RedisConnection(proxy.port)
    #expect(client.name() == "first")
  }

  @Test(arguments: RedirectingProxy.Way.allCases)
  func delayedBytesArriveLaterAndInOrder(way: RedirectingProxy.Way) throws {
    defer { end() }
    proxy.delay(ms: 150, [way])
    let start = MonotonicTime.now
    client.ask("ECHO a")
    client.ask("ECHO b")
    #expect(replies(2) == "$1\r\na\r\n$1\r\nb\r\n")
    let late = MonotonicTime.now.microseconds(since: start)
    #expect(late >= 150_000)
    #expect(proxy.counters.heldBack[way] > 0)
    #expect(proxy.counters.heldBack[way.opposite] == 0)
    proxy.delay(ms: 60_000)
    client.ask()
    #expect(client.look(withinMs: 50) == .silence)
    proxy.pass()
    #expect(client.answer() == "first")
  }

  @Test func slicesAreReadOneByOne() throws {
    defer { end() }
    proxy.slice(bytes: 1, pauseMs: 20, [.toClient])
    client.ask()
    var reads: [String] = []
    while reads.count < 11, case .bytes(let text) = client.look() { reads.append(text) }
    #expect(reads.joined() == "$5\r\nfirst\r\n")
    #expect(reads.allSatisfy { $0.utf8.count == 1 })
    #expect(eventually { proxy.counters.slices.toClient == 11 })
    #expect(proxy.counters.slices.toServer == 0)
    proxy.slice(bytes: 3, [.toServer])
    client.ask("INCR sliced")
    #expect(replies(1) == ":1\r\n")
    #expect(proxy.counters.slices.toServer == 5)
  }

  @Test func heldRepliesAreOfRequestsThatWereExecuted() throws {
    defer { end() }
    proxy.hold(.toClient)
    client.ask("INCR done")
    #expect(try eventually { try stack.redis("get", "done") == "1" })
    #expect(client.look(withinMs: 50) == .silence)
    #expect(proxy.counters.waiting.toClient == 4)
    #expect(proxy.counters.heldBack.toClient == 4)
    proxy.pass()
    #expect(client.look() == .bytes(":1\r\n"))
    #expect(eventually { proxy.counters.waiting.toClient == 0 })
  }

  @Test func heldRequestsAreExecutedLater() throws {
    defer { end() }
    let listener = RedisConnection(proxy.port)
    listener.ask("SUBSCRIBE news")
    #expect(listener.answer() == ":1")
    proxy.hold(.toServer)
    client.ask("INCR done")
    #expect(eventually { proxy.counters.heldBack.toServer == 11 })
    #expect(try stack.redis("exists", "done") == "0")
    try stack.redis("publish", "news", "passes")
    #expect(listener.answer() == "passes")
    proxy.pass()
    #expect(client.look() == .bytes(":1\r\n"))
  }

  @Test func whatAllHeldBackIsCounted() throws {
    defer { end() }
    proxy.hold()
    client.ask("INCR done")
    #expect(client.look(withinMs: 50) == .silence)
    proxy.pass()
    #expect(proxy.counters.heldBack.toServer == 11)
    #expect(client.look() == .bytes(":1\r\n"))
  }

  @Test func aLostReplyIsOfARequestThatWasExecutedAndTheConnectionIsReset() throws {
    defer { end() }
    proxy.loseReplies(of: .one)
    #expect(proxy.counters.repliesLost == 0)
    client.ask("INCR done")
    #expect(client.look() == .reset)
    #expect(try stack.redis("get", "done") == "1")
    #expect(proxy.counters.repliesLost == 1)
    #expect(proxy.counters.resets == 1)
    #expect(proxy.counters.dropped.toClient == 4)
    let next = RedisConnection(proxy.port)
    next.ask("INCR done")
    #expect(next.look() == .bytes(":2\r\n"))
  }

  @Test func repliesAreLostUntilItPasses() throws {
    defer { end() }
    proxy.loseReplies(of: .all, afterBytes: 8, quietMs: 30)
    for round in 1...3 {
      let one = RedisConnection(proxy.port)
      one.ask("INCR done")
      #expect(one.look(withinMs: 50) == .silence)
      one.ask("INCR done")
      #expect(one.look() == .reset)
      #expect(try stack.redis("get", "done") == "\(2 * round)")
    }
    #expect(proxy.counters.repliesLost == 3)
    let half = RedisConnection(proxy.port)
    half.ask("INCR done")
    #expect(try eventually { try stack.redis("get", "done") == "7" })
    #expect(half.look(withinMs: 50) == .silence)
    proxy.pass()
    #expect(half.look() == .reset)
    #expect(client.name() == "first")
  }

  @Test(arguments: [RedirectingProxy.Ending.end, .reset])
  func aReplyIsCutInItsMiddle(ending: RedirectingProxy.Ending) throws {
    defer { end() }
    proxy.cutReplies(of: .one, afterBytes: 6, ending)
    client.ask()
    #expect(client.look() == .bytes("$5\r\nfi"))
    #expect(client.look() == (ending == .end ? .end : .reset))
    #expect(proxy.counters.repliesCut == 1)
    #expect(proxy.counters.resets == (ending == .end ? 0 : 1))
    #expect(proxy.counters.dropped.toClient == 5)
    #expect(RedisConnection(proxy.port).name() == "first")
  }

  @Test func bytesBeforeACutAreCountedOverReplies() throws {
    defer { end() }
    proxy.cutReplies(of: .all, afterBytes: 6, .end)
    client.ask("INCR done")
    #expect(client.look() == .bytes(":1\r\n"))
    client.ask("INCR done")
    #expect(client.look() == .bytes(":2"))
    #expect(client.look() == .end)
  }

  @Test func aResetEndsBothSides() throws {
    defer { end() }
    let id = try connectionID()
    proxy.reset()
    #expect(client.look() == .reset)
    #expect(proxy.counters.resets == 1)
    #expect(proxy.connections == 0)
    #expect(try eventually { try !stack.redis("client", "list").contains("id=\(id) ") })
    #expect(RedisConnection(proxy.port).name() == "first")
  }

  @Test func aHalfOpenConnectionIsSilentWhileTheServerHasClosedIt() throws {
    defer { end() }
    let id = try connectionID()
    proxy.leaveHalfOpen()
    #expect(try eventually { try !stack.redis("client", "list").contains("id=\(id) ") })
    client.ask("INCR done")
    #expect(client.look(withinMs: 50) == .silence)
    #expect(proxy.counters.halfOpened == 1)
    #expect(proxy.connections == 1)
    #expect(RedisConnection(proxy.port).name() == "first")
    proxy.pass()
    #expect(client.look(withinMs: 50) == .silence)
    proxy.reset()
    #expect(client.look() == .reset)
    #expect(try stack.redis("exists", "done") == "0")
  }

  @Test func aClientThatLeavesAHalfOpenConnectionIsNoticed() throws {
    defer { end() }
    var other: RedisConnection? = RedisConnection(proxy.port)
    #expect(other?.name() == "first")
    proxy.leaveHalfOpen()
    #expect(proxy.connections == 2)
    other = nil
    #expect(eventually { proxy.connections == 1 })
  }

  private func connectionID() throws -> String {
    client.ask("CLIENT ID")
    return try String(#require(client.answer()).dropFirst())
  }

  /// So many replies, which may come in one read or more.
  private func replies(_ count: Int) -> String {
    var text = ""
    let lines = { text.split(separator: "\r\n").filter { !$0.hasPrefix("$") }.count }
    while !text.hasSuffix("\r\n") || lines() < count {
      guard case .bytes(let more) = client.look() else { break }
      text += more
    }
    return text
  }

  private func end() {
    proxy.end()
    stack.end()
  }
}
