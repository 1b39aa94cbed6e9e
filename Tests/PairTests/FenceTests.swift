import RedisClient
import TestSupport
import Testing

/// A Redis that may have lost claims sells nothing and says nothing, until it is recovered.
@Suite(.serialized) struct FenceTests {
  @Test func anEmptiedRedisIsFencedAndNeverUnknown() throws {
    let pair = try Pair(stock: 10)
    let draw = try pair.startDraw()
    let visitor = Visitor(pair, draw)
    #expect(try visitor.claim("ann").state == "claimed")
    let fence = try pair.redis([RedisCommand("HGETALL", "stock:fence")])[0].elements?.map(\.text)
    _ = try pair.redis([RedisCommand("FLUSHDB")])

    try expectFenced(visitor)
    #expect(try eventually(within: 5) { try visitor.readiness() == "not ready: fenced" })
    let alarms = draw.lines("fenced")
    #expect(alarms.count == 1)
    #expect(alarms.first?["level"] as? String == "alarm")
    #expect(alarms.first?["scope"] as? String == "server")
    #expect(alarms.first?["reason"] as? String == "nothingKnown")

    // A server that is known again and does not list the activity: only that is a 404.
    _ = try pair.redis([
      RedisCommand(
        "HSET", "stock:fence", fence?[0] ?? "", fence?[1] ?? "", fence?[2] ?? "", fence?[3] ?? "")
    ])
    #expect(try visitor.describe().code == "unknown_activity")
    #expect(try eventually(within: 5) { try visitor.readiness() == "ready" })
    #expect(draw.lines("fence_over").count == 1 && draw.lines("fenced").count == 1)
    #expect(try draw.process.terminate() == .exited(0))
  }

  /// The same for one activity, and the others go on.
  @Test func anActivityThatLostALockIsFencedAlone() throws {
    let pair = try Pair(stock: 10)
    let draw = try pair.startDraw()
    let visitor = Visitor(pair, draw)
    #expect(try visitor.claim("ann").state == "claimed")
    _ = try pair.redis([RedisCommand("HDEL", "\(pair.stockKey):locks", "1")])
    try expectFenced(visitor)
    #expect(eventually(within: 5) { !draw.lines("fenced").isEmpty })
    #expect(try visitor.readiness() == "ready")
    #expect(draw.lines("fenced").map { $0["reason"] as? String } == ["locksMiscounted"])
    let lost = pair.activity
    try pair.useFreshActivity(stock: 10)
    #expect(try Visitor(pair, draw).claim("ann").state == "claimed")
    #expect(draw.lines("fenced").first?["scope"] as? String == "activity \(lost)")
    #expect(try draw.process.terminate() == .exited(0))
  }

  @Test func aRestartedRedisIsFencedAndItsSettingsAreLookedAt() throws {
    let stack = try LocalStack.start(LocalStack.Part.allCases)
    defer { stack.end() }
    let pair = try Pair(on: stack, stock: 10)
    _ = try pair.redis([
      RedisCommand("CONFIG", "SET", "maxmemory-policy", "allkeys-lru"),
      RedisCommand("CONFIG", "SET", "appendfsync", "no"),
    ])
    let draw = try Service("DrawService", [], pair.environment)
    #expect(eventually(within: 20) { draw.port != nil })
    let visitor = Visitor(pair, draw)
    #expect(try eventually(within: 20) { try visitor.readiness() == "not ready: maxmemory-policy" })
    #expect(
      draw.lines("redis_setting").map { $0["level"] as? String } == ["alarm", "warning"])
    _ = try pair.redis([RedisCommand("CONFIG", "SET", "maxmemory-policy", "noeviction")])
    #expect(try eventually(within: 5) { try visitor.readiness() == "ready" })
    #expect(draw.lines("redis_setting").count == 2)
    #expect(try visitor.claim("ann").state == "claimed")

    try stack.stop(.redis)
    try stack.restart(.redis)
    #expect(try eventually(within: 20) { try visitor.readiness() == "not ready: fenced" })
    try expectFenced(visitor)
    #expect(draw.lines("fenced").map { $0["scope"] as? String } == ["server"])
    #expect(draw.lines("fenced").map { $0["reason"] as? String } == ["otherServer"])
    #expect(try pair.locks() == 1, "the lock is there, and is not trusted")
    #expect(try draw.process.terminate() == .exited(0))
  }

  private func expectFenced(_ visitor: Visitor) throws {
    for reply in [
      try visitor.claim("ann"), try visitor.claim("bob"), try visitor.look("ann"),
      try visitor.release("ann"), try visitor.describe(),
    ] {
      #expect(reply.status == 503 && reply.code == "fenced")
      #expect(reply.headers["retry-after"] != nil)
    }
  }
}
