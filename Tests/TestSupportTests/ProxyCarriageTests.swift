import Foundation
import Glibc
import TestSupport
import Testing

/// What a proxy keeps is bounded and comes out as it went in, by every kind of way.
@Suite struct ProxyCarriageTests {
  @Test func whatIsKeptBackIsBoundedAndArrivesWhole() throws {
    let stack = try LocalStack.start([.redis])
    let proxy = try RedirectingProxy(to: stack.redisPort)
    defer {
      proxy.end()
      stack.end()
    }
    let folder = try temporaryDirectory("proxy")
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let value = String(repeating: "abcdefghijklm", count: 800_000)
    let file = folder + "/value"
    #expect(FileManager.default.createFile(atPath: file, contents: Data(value.utf8)))
    proxy.hold(.toServer)
    let set = try Subprocess(
      "redis-cli", ["-p", "\(proxy.port)", "-x", "set", "much"], input: file)
    #expect(eventually { proxy.counters.waiting.toServer == 1 << 20 })
    #expect(!eventually(within: 0.1) { proxy.counters.waiting.toServer > 1 << 20 })
    proxy.pass()
    #expect(try set.wait(within: 30) == .exited(0))
    #expect(proxy.counters.passed.toServer > value.utf8.count)
    proxy.delay(ms: 20)
    proxy.slice(bytes: 50_000)
    let get = try Subprocess.run("redis-cli", ["-p", "\(proxy.port)", "get", "much"])
    #expect(get == value + "\n")
    #expect(proxy.counters.dropped == BothWays(0))
  }

  @Test func aUnixSocketIsReached() throws {
    let folder = try temporaryDirectory("proxy")
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let server = try Subprocess(
      "redis-server", ["--port", "0", "--unixsocket", folder + "/redis", "--save", ""])
    defer { _ = try? server.terminate() }
    let proxy = try RedirectingProxy(toSocket: folder + "/redis")
    defer { proxy.end() }
    #expect(eventually { access(folder + "/redis", F_OK) == 0 })
    let client = RedisConnection(proxy.port)
    client.ask("INCR done")
    #expect(client.look() == .bytes(":1\r\n"))
    proxy.loseReplies(of: .one)
    client.ask("INCR done")
    #expect(client.look() == .reset)
    let next = RedisConnection(proxy.port)
    next.ask("INCR done")
    #expect(next.look() == .bytes(":3\r\n"))
    #expect(throws: TestSupportError.self) {
      try RedirectingProxy(toSocket: String(repeating: "x", count: 108))
    }
  }

  @Test func aTargetThatIsNotThereEndsTheConnection() throws {
    let proxy = try RedirectingProxy(to: freePort())
    defer { proxy.end() }
    let sight = RedisConnection(proxy.port).look()
    #expect(sight == .end || sight == .reset)
    #expect(eventually { proxy.connections == 0 })
  }
}
