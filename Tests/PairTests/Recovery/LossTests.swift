import TestSupport
import Testing

/// Redis loses claims in the middle of a sale, each time in another way, and the sale goes on by itself.
@Suite(
  .serialized, .enabled(if: KafkaBrokers.canStart, "needs a broker of a real Kafka: set KAFKA_HOME")
)
struct LossTests {
  /// The same server with nothing in it.
  @Test func everythingIsFlushed() throws {
    let round = try Round(stock: 1_000)
    try round.sell(250)
    try round.lose { try round.pair.stack.flushRedis() }
    try round.awaitRecovery()
    try round.finish("flushall")
    try expectFencedOnce(round)
    try round.end()
  }

  /// SIGKILL, and the end of the AOF never reached the disk.
  @Test func thePowerFails() throws {
    let round = try Round(stock: 1_000)
    try round.sell(200)
    let mark = try round.pair.stack.markRedisAOF()
    try round.sell(300)
    try round.lose { try round.pair.stack.powerOffRedis(keeping: mark, tornBytes: 9) }
    try round.awaitRecovery()
    try round.finish("power loss")
    try expectFencedOnce(round)
    try round.end()
  }

  @Test func anOlderFileIsStarted() throws {
    let round = try Round(stock: 1_000)
    try round.sell(100)
    let copy = try round.pair.stack.copyRedisData()
    try round.sell(300)
    try round.lose { try round.pair.stack.startRedis(from: copy) }
    try round.awaitRecovery()
    try round.finish("older file")
    try round.end()
  }

  @Test func anEmptyServerIsStarted() throws {
    let round = try Round(stock: 1_000)
    try round.sell(250)
    try round.lose { try round.pair.stack.startRedisEmpty() }
    try round.awaitRecovery()
    try round.finish("empty start")
    try round.end()
  }

  /// Lost again in the middle of a sale that was recovered: epochs go on from the last.
  @Test func lostTwice() throws {
    let round = try Round(stock: 1_500)
    for count in [200, 450] {
      try round.sell(count)
      try round.lose { try round.pair.stack.flushRedis() }
      try round.awaitRecovery()
    }
    try round.finish("lost twice")
    #expect(try round.pair.query("SELECT epoch FROM deployment") == "3")
    try round.end()
  }

  /// Both services called a person, once, and said when it was over.
  private func expectFencedOnce(
    _ round: Round, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    for draw in round.draws {
      #expect(draw.lines("fenced").count == 1, sourceLocation: sourceLocation)
      #expect(draw.lines("fence_over").count == 1, sourceLocation: sourceLocation)
    }
  }
}
