import RedisClient
import TestSupport
import Testing

@testable import Crowd

/// Whole sales on real parts: two DrawServices, a worker, a crowd that keeps what it was told.
@Suite(.serialized) struct SaleTests {
  @Test func twoServicesSellEachSlotOnce() throws {
    let pair = try Pair(stock: 1_000)
    let draws = [try pair.startDraw(), try pair.startDraw()]
    let worker = try pair.startWorker()
    let crowd = try pair.startCrowd(
      draws,
      [
        "--users", "5000", "--concurrency", "64", "--ask-twice", "0.3", "--give-back", "0",
        "--until-held",
      ])
    let report = try pair.report(of: crowd)
    expectKept(report)
    #expect(report.replayed > 0)
    for service in draws + [worker] { #expect(try service.process.terminate() == .exited(0)) }
  }

  /// The counter is a hint: wrong, it costs time, never stock.
  @Test func aWrongCounterSellsNoSlotTwiceAndLosesNone() throws {
    let pair = try Pair(stock: 1_000)
    let draws = [try pair.startDraw(), try pair.startDraw()]
    let worker = try pair.startWorker()
    let crowd = try pair.startCrowd(
      draws,
      ["--users", "5000", "--concurrency", "64", "--give-back", "0", "--until-held"])
    for (locks, used) in [(100, 0), (300, Int.random(in: 1...250)), (500, 900)] {
      #expect(try eventually(within: 60) { try pair.locks() >= locks })
      _ = try pair.redis([RedisCommand("HSET", pair.stockKey, "used", "\(used)")])
    }
    expectKept(try pair.report(of: crowd))
    for service in draws + [worker] { #expect(try service.process.terminate() == .exited(0)) }
  }

  @Test func slotsGivenBackAreSoldAgain() throws {
    let pair = try Pair(stock: 1_000)
    let draws = [try pair.startDraw(), try pair.startDraw()]
    let worker = try pair.startWorker()
    let crowd = try pair.startCrowd(
      draws, ["--users", "5000", "--concurrency", "64", "--give-back", "0.3", "--until-held"])
    let report = try pair.report(of: crowd)
    expectKept(report)
    #expect(report.released > 100)
    #expect(report.claimed >= 1_000 + report.released)
    for service in draws + [worker] { #expect(try service.process.terminate() == .exited(0)) }
  }

  @Test func twoWorkersOneStoppedAndStartedOneKilled() throws {
    let pair = try Pair(stock: 2_000)
    let draws = [try pair.startDraw(), try pair.startDraw()]
    let stopped = try pair.startWorker()
    let killed = try pair.startWorker()
    let crowd = try pair.startCrowd(
      draws, ["--users", "6000", "--concurrency", "64", "--give-back", "0.1", "--until-held"])
    #expect(try eventually(within: 60) { try pair.locks() >= 300 })
    #expect(try stopped.process.terminate() == .exited(0))
    let third = try pair.startWorker()
    #expect(try eventually(within: 60) { try pair.locks() >= 1_000 })
    killed.process.signal(9)
    let report = try pair.report(of: crowd)
    expectKept(report)
    for service in draws + [third] { #expect(try service.process.terminate() == .exited(0)) }
  }
}
