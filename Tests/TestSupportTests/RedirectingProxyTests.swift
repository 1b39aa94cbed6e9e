import Foundation
import Glibc
import TestSupport
import Testing

@Suite struct RedirectingProxyTests {
  /// Two servers that are told apart, and a proxy in front of the first.
  private let first: LocalStack
  private let second: LocalStack

  init() throws {
    (first, second) = (try LocalStack.start([.redis]), try LocalStack.start([.redis]))
    try first.redis("set", "name", "first")
    try second.redis("set", "name", "second")
  }

  @Test func oldConnectionsStayAndNewOnesGoToTheNewTarget() throws {
    let proxy = try RedirectingProxy(to: first.redisPort)
    defer { end(proxy) }
    let old = RedisConnection(proxy.port)
    #expect(old.name() == "first")
    proxy.redirect(to: second.redisPort)
    #expect(RedisConnection(proxy.port).name() == "second")
    #expect(old.name() == "first")
    proxy.cut()
    #expect(old.name() == nil)
    #expect(RedisConnection(proxy.port).name() == "second")
  }

  @Test func whatIsHeldArrivesLater() throws {
    let proxy = try RedirectingProxy(to: first.redisPort)
    defer { end(proxy) }
    let client = RedisConnection(proxy.port)
    #expect(client.name() == "first")
    proxy.hold()
    client.ask()
    let late = RedisConnection(proxy.port)
    late.ask()
    #expect(client.answer(withinMs: 100) == nil)
    #expect(late.answer(withinMs: 100) == nil)
    proxy.pass()
    #expect(client.answer() == "first")
    #expect(late.answer() == "first")
  }

  @Test func refusedConnectionsEndUntilItPassesAgain() throws {
    let proxy = try RedirectingProxy(to: first.redisPort)
    defer { end(proxy) }
    let client = RedisConnection(proxy.port)
    #expect(client.name() == "first")
    proxy.refuse()
    #expect(client.name() == nil)
    #expect(RedisConnection(proxy.port).name() == nil)
    #expect(proxy.connections == 0)
    proxy.pass()
    #expect(RedisConnection(proxy.port).name() == "first")
  }

  @Test func muchPassesThroughUnchanged() throws {
    let proxy = try RedirectingProxy(to: first.redisPort)
    defer { end(proxy) }
    let value = String(repeating: "abcdefghijklm", count: 200_000)
    let folder = try temporaryDirectory("proxy")
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let file = folder + "/value"
    #expect(FileManager.default.createFile(atPath: file, contents: Data(value.utf8)))
    let set = try Subprocess(
      "redis-cli", ["-p", "\(proxy.port)", "-x", "set", "much"], input: file)
    #expect(try set.wait(within: 30) == .exited(0))
    let get = try Subprocess.run("redis-cli", ["-p", "\(proxy.port)", "get", "much"])
    #expect(get == value + "\n")
  }

  @Test func connectionsAreBoundedAndEndLeavesNone() throws {
    let proxy = try RedirectingProxy(to: first.redisPort)
    defer { end(proxy) }
    let clients = (0..<RedirectingProxy.connectionLimit).map { _ in RedisConnection(proxy.port) }
    #expect(eventually { proxy.connections == RedirectingProxy.connectionLimit })
    #expect(RedisConnection(proxy.port).name() == nil)
    #expect(clients[0].name() == "first")
    proxy.end()
    #expect(clients[0].name() == nil)
    #expect(tcpConnects(proxy.port) == false)
  }

  private func end(_ proxy: RedirectingProxy) {
    proxy.end()
    first.end()
    second.end()
  }
}

private func tcpConnects(_ port: Int) -> Bool {
  let descriptor = tcpSocket()
  defer { close(descriptor) }
  return withAddress(port: port) { connect(descriptor, $0, $1) } == 0
}
