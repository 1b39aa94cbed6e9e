import Testing
import Threads

@testable import StockSyncWorker

@Suite struct ConsumerFlowTests {
  private let limits = ConsumerFlow.Limits(batch: 3, flushMs: 100, busyMs: 1_000)
  private func at(_ ms: Int) -> MonotonicTime { MonotonicTime(nanoseconds: Int64(ms) * 1_000_000) }

  private func message(_ partition: Int32, _ offset: Int64) -> StreamMessage {
    StreamMessage(
      partition: partition, offset: offset, key: nil, payload: nil,
      content: .unusable(.malformed, detail: ""))
  }

  /// Given partitions 0 and 1 at offsets 10 and 20, reading.
  private func reading() -> ConsumerFlow {
    var flow = ConsumerFlow(limits)
    #expect(flow.assigned([0, 1], now: at(0)) == [.park])
    #expect(flow.tick(now: at(0)) == [.ask(token: 1, [0, 1])])
    #expect(flow.answered(token: 1, [0: 10, 1: 20]) == [.assign([0: 10, 1: 20])])
    return flow
  }

  @Test func nothingIsReadBeforePostgresAnswered() {
    var flow = ConsumerFlow(limits)
    _ = flow.assigned([0], now: at(0))
    flow.take(message(0, 0), now: at(0))
    _ = flow.tick(now: at(0))
    #expect(flow.gathered.isEmpty)
    #expect(flow.answered(token: 7, [0: 3]) == [], "an answer to another question")
    #expect(flow.answered(token: 1, [0: 3]) == [.assign([0: 3])])
    #expect(flow.answered(token: 1, [0: 3]) == [], "the answer once more")
  }

  @Test func aBatchClosesBySizeAndByTime() {
    var flow = reading()
    flow.take(message(0, 10), now: at(5))
    #expect(flow.tick(now: at(104)) == [])
    #expect(flow.nextTick(now: at(6)) == at(105))
    #expect(
      flow.tick(now: at(105)) == [.handOver(Batch(start: [0: 10], messages: [message(0, 10)]))])
    // The next one is gathered meanwhile, and grows while the applier is busy.
    flow.take(message(0, 11), now: at(106))
    #expect(flow.tick(now: at(500)) == [])
    // A full one is put behind it; the third waits.
    for offset in Int64(12)...13 { flow.take(message(0, offset), now: at(501)) }
    #expect(!flow.isFull)
    let next = Batch(start: [0: 11], messages: (11...13).map { message(0, $0) })
    #expect(flow.tick(now: at(501)) == [.handOver(next)])
    for offset in Int64(14)...16 { flow.take(message(0, offset), now: at(502)) }
    #expect(flow.isFull)
    #expect(flow.room == 0)
    #expect(flow.tick(now: at(502)) == [])
    #expect(flow.applied() == [.commit([0: 11])])
    let third = Batch(start: [0: 14], messages: (14...16).map { message(0, $0) })
    #expect(flow.tick(now: at(503)) == [.handOver(third)])
    #expect(flow.applied() == [.commit([0: 14])])
    // One that fails takes along what is behind it.
    #expect(flow.unavailable(now: at(504)) == [.park])
    #expect(flow.inFlight.isEmpty)
  }

  @Test func whatIsBehindThePositionIsNotTakenTwice() {
    var flow = reading()
    flow.take(message(0, 9), now: at(0))
    flow.take(message(0, 12), now: at(0))
    flow.take(message(0, 12), now: at(0))
    flow.take(message(5, 1), now: at(0))
    #expect(flow.gathered.map(\.offset) == [12])
    // The gap before it belongs to its batch: the range begins where Postgres stands.
    #expect(
      flow.tick(now: at(100)) == [.handOver(Batch(start: [0: 10], messages: [message(0, 12)]))])
  }

  @Test func anOutageDropsEverythingParksAndAsks() {
    var flow = reading()
    flow.take(message(0, 10), now: at(0))
    _ = flow.tick(now: at(100))
    flow.take(message(1, 20), now: at(101))
    #expect(flow.unavailable(now: at(102)) == [.park])
    #expect(flow.gathered.isEmpty)
    #expect(flow.inFlight.isEmpty)
    flow.take(message(1, 21), now: at(102))
    #expect(flow.gathered.isEmpty)
    #expect(flow.tick(now: at(102)) == [.ask(token: 2, [0, 1])])
    #expect(flow.answered(token: 2, [0: 11, 1: 20]) == [.assign([0: 11, 1: 20])])
  }

  @Test func aLostPositionWaitsBeforeItAsks() {
    var flow = reading()
    flow.take(message(0, 10), now: at(0))
    _ = flow.tick(now: at(100))
    #expect(flow.positionLost(now: at(101)) == [.park])
    #expect(flow.tick(now: at(101)) == [])
    #expect(flow.tick(now: at(200)) == [.ask(token: 2, [0, 1])])
  }

  @Test func aBusyApplierParksInsteadOfLeavingTheGroup() {
    var flow = reading()
    flow.take(message(0, 10), now: at(0))
    _ = flow.tick(now: at(100))
    for offset in Int64(11)...13 { flow.take(message(0, offset), now: at(100)) }
    _ = flow.tick(now: at(100))
    for offset in Int64(14)...16 { flow.take(message(0, offset), now: at(101)) }
    #expect(flow.nextTick(now: at(102)) == at(1_100))
    #expect(flow.tick(now: at(1_099)) == [])
    #expect(flow.tick(now: at(1_100)) == [.park, .ask(token: 2, [0, 1])])
    #expect(flow.room > 0)
    // Its batches go through after all, and the answer comes behind them.
    #expect(flow.applied() == [.commit([0: 11])])
    #expect(flow.applied() == [.commit([0: 14])])
    #expect(flow.answered(token: 2, [0: 14, 1: 20]) == [.assign([0: 14, 1: 20])])
  }

  @Test func aRebalanceForgetsWhatWasGatheredAndCommitsNothingOfOthers() {
    var flow = reading()
    flow.take(message(0, 10), now: at(0))
    _ = flow.tick(now: at(100))
    flow.take(message(1, 20), now: at(101))
    #expect(flow.unassigned() == [.park])
    #expect(flow.assigned([1], now: at(102)) == [.park])
    #expect(flow.tick(now: at(102)) == [.ask(token: 2, [1])])
    #expect(flow.applied() == [], "partition 0 is not ours any more")
    #expect(flow.answered(token: 2, [1: 20]) == [.assign([1: 20])])
    #expect(flow.assigned([], now: at(103)) == [.park])
    #expect(flow.phase == .idle)
  }

  @Test func aPartitionThatMustWaitIsLeftOutAfterWhatCameBefore() {
    var flow = reading()
    flow.take(message(0, 10), now: at(0))
    flow.leaveOut(0, because: "newer")
    flow.take(message(1, 20), now: at(1))
    let before = Batch(start: [0: 10], messages: [message(0, 10)])
    #expect(flow.tick(now: at(1)) == [.handOver(before)])
    #expect(flow.tick(now: at(1)) == [.park, .ask(token: 2, [1])])
    #expect(flow.applied() == [.commit([0: 11])])
    #expect(flow.answered(token: 2, [1: 20]) == [.assign([1: 20])])
    #expect(flow.stuck == [0: "newer"])
    // A failure reads it again: what came before the message may not have been applied.
    _ = flow.unavailable(now: at(2))
    #expect(flow.stuck.isEmpty)
  }

  /// A broker's error may pass; its waits grow until something is read.
  @Test func aPartitionThatFailedIsTriedAgain() throws {
    var flow = reading()
    flow.leaveOut(0, failing: "UNKNOWN", now: at(0))
    #expect(flow.stuck == [0: "UNKNOWN"] && flow.failing == [0])
    #expect(flow.tick(now: at(0)) == [.park, .ask(token: 2, [1])])
    #expect(flow.answered(token: 2, [1: 20]) == [.assign([1: 20])])
    var waits: [Int64] = []
    var now = at(0)
    for token in stride(from: 3, through: 15, by: 2) {
      let next = try #require(flow.nextTick(now: now))
      waits.append(next.microseconds(since: now) / 1_000)
      #expect(flow.tick(now: next.adding(ms: -1)) == [])
      #expect(flow.tick(now: next) == [.park, .ask(token: token, [0, 1])])
      #expect(flow.stuck.isEmpty && flow.failing == [0])
      #expect(flow.answered(token: token, [0: 10, 1: 20]) == [.assign([0: 10, 1: 20])])
      flow.leaveOut(0, failing: "UNKNOWN", now: next)
      #expect(flow.tick(now: next) == [.park, .ask(token: token + 1, [1])])
      #expect(flow.answered(token: token + 1, [1: 20]) == [.assign([1: 20])])
      now = next
    }
    #expect(waits.allSatisfy { (500...30_000).contains($0) } && waits.last! >= 15_000)
    let next = try #require(flow.nextTick(now: now))
    #expect(flow.tick(now: next) == [.park, .ask(token: 17, [0, 1])])
    #expect(flow.answered(token: 17, [0: 10, 1: 20]) == [.assign([0: 10, 1: 20])])
    flow.take(message(0, 10), now: next)
    #expect(flow.failing.isEmpty)
    flow.leaveOut(0, failing: "UNKNOWN", now: next)
    _ = flow.tick(now: next)
    _ = flow.tick(now: next)
    _ = flow.applied()
    _ = flow.answered(token: 18, [1: 20])
    #expect(try #require(flow.nextTick(now: next)) <= next.adding(ms: 1_000))
  }

  /// An older reader would only stop there again.
  @Test func aPartitionForNewerWorkersIsNotTriedAgain() {
    var flow = reading()
    flow.leaveOut(0, because: "newer")
    #expect(flow.tick(now: at(0)) == [.park, .ask(token: 2, [1])])
    #expect(flow.answered(token: 2, [1: 20]) == [.assign([1: 20])])
    #expect(flow.nextTick(now: at(0)) == nil)
    #expect(flow.tick(now: at(600_000)) == [] && flow.stuck == [0: "newer"])
    // Nor when another one is.
    flow.leaveOut(1, failing: "UNKNOWN", now: at(600_000))
    #expect(flow.tick(now: at(600_000)) == [.park, .ask(token: 3, [])])
    #expect(flow.answered(token: 3, [:]) == [.assign([:])])
    #expect(flow.tick(now: at(640_000)) == [.park, .ask(token: 4, [1])])
  }

  @Test func stoppingHandsOverTheRest() {
    var flow = reading()
    flow.take(message(0, 10), now: at(0))
    #expect(
      flow.finish(now: at(1)) == [.handOver(Batch(start: [0: 10], messages: [message(0, 10)]))])
    #expect(flow.finish(now: at(1)) == [])
    #expect(flow.applied() == [.commit([0: 11])])
    #expect(flow.finish(now: at(1)) == [])
  }

  @Test func aQuestionThatDidNotFitIsAskedAgain() {
    var flow = ConsumerFlow(limits)
    _ = flow.assigned([0], now: at(0))
    _ = flow.tick(now: at(0))
    flow.askRefused(now: at(0))
    #expect(flow.tick(now: at(99)) == [])
    #expect(flow.tick(now: at(100)) == [.ask(token: 2, [0])])
  }
}

@Suite struct WatchdogTests {
  private func at(_ ms: Int) -> MonotonicTime { MonotonicTime(nanoseconds: Int64(ms) * 1_000_000) }

  @Test func barksOncePerStallAndNotWithoutWork() {
    var dog = Watchdog(stallMs: 100)
    var state = WorkerStats.Now()
    state.turnAt = at(1_000)
    #expect(dog.look(at: state, now: at(1_050)) == nil)
    state.workSince = at(960)
    #expect(dog.look(at: state, now: at(1_050)) == nil)
    #expect(dog.look(at: state, now: at(1_060))?.name == "noProgress 100")
    #expect(dog.look(at: state, now: at(1_090)) == nil)
    state.turnAt = at(1_150)
    #expect(dog.look(at: state, now: at(1_160))?.name == "noProgress 200")
    state.workSince = nil
    #expect(dog.look(at: state, now: at(1_249)) == nil)
    #expect(dog.look(at: state, now: at(1_260))?.name == "consumerStill 110")
  }
}

extension Watchdog.Alarm {
  fileprivate var name: String {
    switch self {
    case .noProgress(let ms, _): "noProgress \(ms)"
    case .consumerStill(let ms): "consumerStill \(ms)"
    }
  }
}
