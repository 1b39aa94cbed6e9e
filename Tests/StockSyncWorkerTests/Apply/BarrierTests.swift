import PostgresClient
import Stock
import TestSupport
import Testing

@testable import StockSyncWorker

/// A recovery's barriers as they come in batches: from each on, its partition's older events are void.
@Suite struct BarrierTests {
  private func barrier(_ epoch: Int64, in topic: inout Topic, partition: Int32 = 0) -> StreamMessage
  {
    topic.message(Barrier(epoch: epoch, timeMs: 1_767_225_600_000).encoded(), partition: partition)
  }

  private func epochs(_ tables: Tables) throws -> [String] {
    try tables.texts(
      "SELECT partition || ':' || barrier_epoch FROM consumer_offset ORDER BY partition")
  }

  private func applied(_ outcome: BatchApplier.Outcome) -> Applied? {
    if case .applied(let applied) = outcome { return applied }
    Issue.record("\(outcome)")
    return nil
  }

  @Test func partsABatchAtTheBarrierOfTheirPartitionAlone() throws {
    let tables = try Tables(activities: [1: 50])
    var topic = Topic(partitions: 2)
    let messages = [
      topic.message(event(slot: 2, seq: 1, user: "before", request: "r")),
      barrier(2, in: &topic),
      topic.message(event(slot: 4, seq: 2, user: "late", request: "r")),
      topic.message(event(slot: 3, seq: 3, user: "elsewhere", request: "r")),
      topic.message(event(slot: 6, seq: 4, epoch: 2, user: "after", request: "r")),
      // What had been applied before the barrier, once more: no void event, a duplicate.
      topic.message(event(slot: 2, seq: 1, user: "before", request: "r")),
    ]
    let done = try #require(applied(try tables.applyOne(messages)))
    #expect(done.deadLetters.map(\.reason) == [.voidEpoch])
    #expect(done.deadLetters.map(\.message.offset) == [2])
    #expect(done.deadLetters.allSatisfy { $0.reason.isAlarm })
    #expect(try tables.claims(of: 1).keys.sorted() == [2, 3, 6])
    #expect(try epochs(tables) == ["0:2", "1:0"])
  }

  @Test func onlyGrows() throws {
    let tables = try Tables(activities: [1: 50])
    var topic = Topic(partitions: 1)
    _ = try tables.applyOne([barrier(3, in: &topic), barrier(2, in: &topic)])
    #expect(try epochs(tables) == ["0:3"])
    let late = [
      barrier(2, in: &topic),
      topic.message(event(slot: 1, seq: 1, epoch: 2, user: "a", request: "r")),
      topic.message(event(slot: 2, seq: 2, epoch: 3, user: "b", request: "r")),
    ]
    let done = try #require(applied(try tables.applyOne(late)))
    #expect(done.deadLetters.map(\.reason) == [.voidEpoch])
    #expect(try epochs(tables) == ["0:3"])
    #expect(try tables.claims(of: 1).keys.sorted() == [2])
  }

  /// After a recovery the seqs begin again above what Postgres holds: the same user can get the very slot and seq
  /// that a void event names, and that claim counts.
  @Test func aVoidEventHidesNoLaterOneOfTheSameSlotAndSeq() throws {
    let tables = try Tables(activities: [1: 50])
    var topic = Topic(partitions: 1)
    let messages = [
      barrier(2, in: &topic),
      topic.message(event(slot: 1, seq: 1, epoch: 1, user: "a", request: "r")),
      topic.message(event(slot: 1, seq: 1, epoch: 2, user: "a", request: "r")),
      topic.message(event(slot: 1, seq: 1, epoch: 1, user: "a", request: "r")),
      topic.message(event(slot: 2, seq: 2, epoch: 1, user: "b", request: "r")),
      topic.message(event(slot: 2, seq: 2, epoch: 2, user: "c", request: "r")),
    ]
    let done = try #require(applied(try tables.applyOne(messages)))
    #expect(done.deadLetters.map(\.message.offset) == [1, 4])
    #expect(try tables.claims(of: 1).mapValues(\.user) == [1: "a", 2: "c"])
    #expect(try tables.number("SELECT stock_surplus::bigint FROM activity") == 48)
  }

  /// The halves of a batch that is split know the barrier that came in an earlier half.
  @Test(arguments: [1, 2, 5, 100])
  func holdsThroughBisectingAndSplitting(limit: Int) throws {
    let tables = try Tables(activities: [1: 90])
    try PostgresConnection(tables.settings).execute(
      "ALTER TABLE claim ADD CONSTRAINT odd CHECK (usr <> 'refused')")
    var topic = Topic(partitions: 1)
    var messages: [StreamMessage] = []
    for slot in Int64(1)...20 {
      messages.append(topic.message(event(slot: slot, seq: slot, user: "u\(slot)", request: "r")))
    }
    messages.append(barrier(2, in: &topic))
    for slot in Int64(21)...40 {
      let user = slot % 7 == 0 ? "refused" : "u\(slot)"
      messages.append(
        topic.message(
          event(slot: slot, seq: slot, epoch: slot % 2 + 1, user: user, request: "r")))
    }
    var random = Seeded(5)
    try tables.apply(messages, batchUpTo: limit, using: &random)
    let expected = (1...20) + (21...40).filter { $0 % 2 == 1 && $0 % 7 != 0 }
    #expect(try tables.claims(of: 1).keys.sorted() == expected.map { Int64($0) })
    let reasons = try tables.texts("SELECT reason FROM dead_letter ORDER BY \"offset\"")
    #expect(reasons.filter { $0 == "void_epoch" }.count == 10)
    #expect(reasons.filter { $0 == "refused" }.count == 2)

    let before = try tables.dump()
    try tables.rewind()
    try tables.apply(messages, batchUpTo: limit, using: &random)
    #expect(try tables.dump() == before, "applied again, something changed")
  }

  @Test func movesWithTheOffsetOrNotAtAll() throws {
    let tables = try Tables(activities: [1: 10]) { $0.lockTimeoutMs = 100 }
    var topic = Topic(partitions: 1)
    _ = try tables.applyOne([barrier(2, in: &topic)])
    let batch = [
      barrier(3, in: &topic),
      topic.message(event(slot: 1, seq: 1, epoch: 3, user: "a", request: "r")),
    ]
    let holder = try PostgresConnection(tables.settings)
    try holder.executeScript("BEGIN; LOCK TABLE claim")
    guard case .unavailable = try tables.applyOne(batch) else {
      Issue.record("it was applied")
      return
    }
    try holder.executeScript("ROLLBACK")
    let position = "SELECT next || ' ' || barrier_epoch FROM consumer_offset"
    #expect(try tables.texts(position) == ["1 2"])
    _ = try #require(applied(try tables.applyOne(batch)))
    #expect(try tables.texts(position) == ["3 3"])
  }

  /// A request that holds a slot was given another one, and Redis gives that back: nothing to count, no alarm, and
  /// the request is not taken for released.
  @Test func theReleaseOfARejectedClaimIsTakenCalmly() throws {
    let tables = try Tables(activities: [1: 10])
    var topic = Topic(partitions: 2)
    let done = try #require(
      applied(
        try tables.applyOne([
          topic.message(event(slot: 1, seq: 1, user: "a", request: "r")),
          topic.message(event(slot: 2, seq: 2, user: "a", request: "r")),
          topic.message(event(.released, slot: 2, seq: 3, user: "a", request: "r")),
          topic.message(event(slot: 2, seq: 4, user: "b", request: "r")),
        ])))
    #expect(done.deadLetters.map(\.reason) == [.requestHasOtherSlot])
    #expect(done.givenBack == 1)
    #expect(try tables.claims(of: 1).mapValues(\.user) == [1: "a", 2: "b"])
    #expect(try tables.number("SELECT count(*) FROM released_request") == 0)
    #expect(try tables.number("SELECT stock_surplus::bigint FROM activity") == 8)
  }
}
