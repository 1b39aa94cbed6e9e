import RedisClient
import TestSupport
import Testing

/// What stands in an outbox and nobody is publishing.
@Suite(.serialized) struct RelayTests {
  /// Entries that can't be read fill the first pages; what is behind them gets through.
  @Test func unreadableEntriesBlockNoOther() throws {
    let pair = try Pair(stock: 10, settings: ["SLIDING_STOCK_RELAY_BATCH": "2"])
    let (stock, outbox) = (pair.stockKey, "\(pair.stockKey):outbox")
    let broken = (1...9).map { RedisCommand("XADD", outbox, "\($0)-0", "f", "\($0)", "k", "x") }
    let replies = try pair.redis(
      broken + [
        RedisCommand(
          "XADD", outbox, "10-0", "f", "10", "k", "c", "e", "1", "t", "1000", "d", "1 ann r-1"),
        RedisCommand("HSET", "\(stock):locks", "1", "ann r-1 10 1"),
        RedisCommand("HSET", "\(stock):users", "ann", "1"),
        RedisCommand("HSET", stock, "seq", "10", "used", "1", "locks", "1", "outbox", "10"),
      ])
    try #require(replies.allSatisfy { $0.error == nil })
    let draw = try pair.startDraw()
    let visitor = Visitor(pair, draw)
    #expect(try eventually(within: 20) { try visitor.look("ann").state == "claimed" })
    #expect(try pair.redis([RedisCommand("XLEN", outbox)])[0].int == 9)
    #expect(draw.lines("outbox_entry_unreadable").count == 9)
    #expect(draw.lines("relayed").map { $0["seq"] as? Int } == [10])
    #expect(try visitor.claim("bob").state == "claimed")
    #expect(try draw.process.terminate() == .exited(0))
  }
}
