import RedisClient
import StockRecords
import Testing

/// preheat.lua and open.lua.
@Suite(.serialized) struct PreheatScriptTests {
  private let keys =
    ["stock:fence", "stock:activities", "stock:{7}"]
    + ["locks", "users", "free", "outbox"].map { "stock:{7}:\($0)" }
  private let connection: RedisConnection
  private let identity: String

  init() throws {
    connection = try RedisConnection(ScriptDatabase.emptied(for: "preheat"))
    let info = try connection.pipeline([ServerIdentity.command])[0]
    identity = try #require(ServerIdentity(info)).description
  }

  @Test func createsOnceAndThenOnlyCompares() throws {
    #expect(try preheat(bootstrap: false) == ["fence_absent", ""])
    #expect(try state() == StockState())
    #expect(try preheat() == ["created", ""])
    let created = try state()
    #expect(created.isListed && created.fence == ["epoch": "3", "fence": identity])
    #expect(
      created.stock == [
        "total": "100", "limit": "2", "opens": "10", "closes": "20", "epoch": "3",
        "fence": identity,
        "state": "preparing", "used": "0", "seq": "0", "locks": "0", "outbox": "0",
      ])
    #expect(try preheat() == ["identical", "preparing"])
    #expect(try preheat(bootstrap: false) == ["identical", "preparing"])
    #expect(try preheat(total: "101") == ["different", "total"])
    #expect(try preheat(limit: "3") == ["different", "limit"])
    #expect(try preheat(opens: "11") == ["different", "opens"])
    #expect(try preheat(closes: "21") == ["different", "closes"])
    #expect(try preheat(epoch: "4") == ["fence_epoch", "3"])
    #expect(try state() == created)
  }

  @Test func nothingIsPreheatedOrOpenedOnAServerThatIsAnotherOne() throws {
    _ = try preheat()
    _ = try connection.pipeline([RedisCommand("HSET", keys[2], "fence", "other:id")])
    #expect(try preheat() == ["different", "fence"])
    #expect(try open() == ["fence_server", "other:id"])
    _ = try connection.pipeline([RedisCommand("HSET", keys[0], "fence", "restarted:id")])
    let before = try state()
    #expect(try preheat() == ["fence_server", "restarted:id"])
    #expect(try open() == ["fence_server", "restarted:id"])
    _ = try connection.pipeline([RedisCommand("HDEL", keys[0], "epoch", "fence")])
    _ = try connection.pipeline([RedisCommand("HSET", keys[0], "epoch", "3")])
    #expect(try preheat() == ["fence_server", ""])
    #expect(try open() == ["fence_server", ""])
    #expect(try state().stock == before.stock)
  }

  @Test func putsBackTheListingAlone() throws {
    _ = try preheat()
    let created = try state()
    _ = try connection.pipeline([RedisCommand("SREM", keys[1], "7")])
    #expect(try preheat() == ["identical", "preparing"])
    #expect(try state() == created)
  }

  @Test(arguments: ["locks", "users", "free", "outbox"])
  func leftoversAreNotBuiltUpon(_ name: String) throws {
    let key = "stock:{7}:\(name)"
    let write =
      switch name {
      case "free": RedisCommand("RPUSH", key, "1")
      case "outbox": RedisCommand("XADD", key, "1-0", "f", "1")
      default: RedisCommand("HSET", key, "1", "x")
      }
    _ = try connection.pipeline([write])
    #expect(try preheat() == ["different", name])
    #expect(try state().fence.isEmpty)
  }

  @Test func opensOnce() throws {
    #expect(try open() == ["fence_absent", ""])
    _ = try preheat()
    #expect(try open(epoch: "4") == ["fence_epoch", "3"])
    #expect(try state().stock["state"] == "preparing")
    #expect(try open() == ["opened", ""])
    #expect(try state().stock["state"] == "open")
    #expect(try open() == ["already", "open"])
    #expect(try preheat() == ["identical", "open"])
    _ = try connection.pipeline([RedisCommand("HSET", keys[2], "state", "paused")])
    #expect(try open() == ["already", "paused"])
    _ = try connection.pipeline([RedisCommand("HSET", keys[2], "epoch", "2")])
    #expect(try open() == ["fence_epoch", "2"])
    _ = try connection.pipeline([RedisCommand("DEL", keys[2])])
    #expect(try open() == ["absent", ""])
  }

  private func preheat(
    total: String = "100", limit: String = "2", opens: String = "10", closes: String = "20",
    epoch: String = "3", bootstrap: Bool = true
  ) throws -> [String?] {
    try call(
      "preheat", ["7", total, limit, opens, closes, epoch, bootstrap ? "1" : "0"])
  }

  private func open(epoch: String = "3") throws -> [String?] { try call("open", ["7", epoch]) }

  private func call(_ name: String, _ arguments: [String]) throws -> [String?] {
    let script = try ScriptSources.preheat(name)
    let reply = try connection.pipeline([.script(script, keys: keys, arguments: arguments)])[0]
    return try #require(reply.elements, "\(reply)").map(\.text)
  }

  private func state() throws -> StockState {
    StockState(replies: try connection.pipeline(StockState.commands(keys, "7")))
  }
}
