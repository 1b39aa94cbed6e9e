import PostgresClient
import Stock
import TestSupport
import Testing
import Threads

@testable import StockSyncWorker

/// Dead letters resolved on a database, without the command line.
@Suite struct DeadLetterReplayTests {
  private let tables: Tables
  private let by = DeadLetterStore.Resolver(name: "ann", note: "ticket 7")

  init() throws { tables = try Tables(activities: [1: 10]) }

  private func store() throws -> DeadLetterStore {
    DeadLetterStore(topic: tables.topic, connection: try PostgresConnection(tables.settings))
  }

  private func replay(_ offset: Int64, partition: Int32 = 0) throws -> DeadLetterReplay.Outcome {
    try DeadLetterReplay(try store()).replay(partition, offset, by)
  }

  private func isRefused(_ outcome: DeadLetterReplay.Outcome, _ reason: String) -> Bool {
    if case .refused(let why) = outcome, why.hasPrefix(reason) { return true }
    Issue.record("\(outcome) instead of \(reason)")
    return false
  }

  private func change(_ outcome: DeadLetterReplay.Outcome) -> Int64? {
    if case .replayed(_, let change) = outcome { return change }
    Issue.record("\(outcome)")
    return nil
  }

  /// Events of activity 2, which is made afterwards, one partition.
  private func bury(_ events: [StockEvent]) throws {
    var topic = Topic(partitions: 1)
    _ = try tables.applyOne(events.map { topic.message($0) })
  }

  private func makeActivity2() throws {
    try PostgresConnection(tables.settings).execute(
      """
      INSERT INTO activity (id, name, stock_total, stock_surplus, per_user_limit, opens_at, closes_at, state)
      VALUES (2, 'test', 10, 10, 1, now(), now() + interval '1 hour', 'open')
      """)
  }

  @Test func aReplayCountsOnceAndSaysWhoAndWhen() throws {
    try bury([event(activity: 2, slot: 3, seq: 1, user: "a", request: "r")])
    #expect(isRefused(try replay(0), "unknown_activity"))
    #expect(try store().list(DeadLetterStore.Filter(), limit: 9).count == 1)
    try makeActivity2()
    // After a recovery, too: the event was promised before its barrier.
    try PostgresConnection(tables.settings).execute("UPDATE consumer_offset SET barrier_epoch = 5")
    #expect(change(try replay(0)) == 1)
    #expect(try tables.claims(of: 2)[3]?.user == "a")
    let surplus = "SELECT stock_surplus::bigint FROM activity WHERE id = 2"
    #expect(try tables.number(surplus) == 9)
    let found = try #require(
      try store().list(DeadLetterStore.Filter(includesResolved: true), limit: 9).first)
    #expect(found.resolution == .replayed)
    #expect(found.resolvedBy == "ann")
    #expect(found.note == "ticket 7")
    #expect(abs(wallClockMs() - (found.resolvedMs ?? 0)) < 60_000)
    #expect(isRefused(try replay(0), "it was replayed by ann"))
    #expect(isRefused(try DeadLetterReplay(try store()).discard(0, 0, by), "it was replayed"))
    #expect(try tables.number(surplus) == 9)
    #expect(isRefused(try replay(99), "there is no such dead letter"))
  }

  @Test func releasesAreReplayedAndRemembered() throws {
    try bury([
      event(activity: 2, slot: 3, seq: 1, user: "a", request: "r"),
      event(.released, activity: 2, slot: 3, seq: 2, user: "a", request: "r"),
      event(activity: 2, slot: 3, seq: 3, user: "b", request: "r"),
    ])
    try makeActivity2()
    #expect(change(try replay(2)) == 1)
    // Taken alone it would be lost behind b's claim without a word.
    #expect(isRefused(try replay(0), "superseded"))
    #expect(change(try replay(1)) == 0)
    #expect(change(try replay(0)) == 0)
    #expect(try tables.claims(of: 2)[3]?.user == "b")
    #expect(try tables.texts("SELECT usr FROM released_request") == ["a"])
    #expect(try tables.number("SELECT stock_surplus::bigint FROM activity WHERE id = 2") == 9)
  }

  @Test func conflictsAreRefusedByNameAndLeaveTheLetterUnresolved() throws {
    var topic = Topic(partitions: 1)
    let messages = [
      topic.message(event(slot: 1, seq: 1, user: "a", request: "r")),
      topic.message(event(slot: 1, seq: 1, user: "b", request: "r")),
      topic.message(event(slot: 2, seq: 2, user: "a", request: "r")),
      topic.message(event(slot: 11, seq: 3, user: "c", request: "r")),
      topic.message(Array("{broken".utf8), partition: 0),
      topic.message(Barrier(epoch: 2, timeMs: 1).encoded(), partition: 0),
      topic.message(event(slot: 4, seq: 4, user: "d", request: "r")),
    ]
    _ = try tables.applyOne(messages)
    let before = try tables.dump()
    for (offset, reason) in [
      (1, "slot_seq_conflict"), (2, "request_has_other_slot"), (3, "slot_out_of_range"),
      (4, "malformed"), (6, "void_epoch"),
    ] as [(Int64, String)] {
      #expect(isRefused(try replay(offset), reason))
    }
    #expect(try tables.dump() == before)
    #expect(try store().list(DeadLetterStore.Filter(), limit: 9).count == 5)
  }

  @Test func whatPostgresRefusesStaysRefused() throws {
    try PostgresConnection(tables.settings).execute(
      "ALTER TABLE claim ADD CONSTRAINT odd CHECK (usr <> 'refused')")
    try bury([event(slot: 3, seq: 1, user: "refused", request: "r")])
    #expect(isRefused(try replay(0), "Postgres refuses"))
    try PostgresConnection(tables.settings).execute("ALTER TABLE claim DROP CONSTRAINT odd")
    #expect(change(try replay(0)) == 1)
  }

  @Test func twoAtOnceReplayItOnce() throws {
    try bury([event(activity: 2, slot: 3, seq: 1, user: "a", request: "r")])
    try makeActivity2()
    let (tables, by) = (tables, by)
    let outcomes = Lock<[String]>([])
    let threads = (0..<4).map { number in
      NamedThread("replay-\(number)") {
        let text: String
        do {
          let store = DeadLetterStore(
            topic: tables.topic, connection: try PostgresConnection(tables.settings))
          switch try DeadLetterReplay(store).replay(0, 0, by) {
          case .replayed: text = "replayed"
          default: text = "refused"
          }
        } catch { text = "\(error)" }
        outcomes.withLock { $0.append(text) }
      }
    }
    for thread in threads { thread.join() }
    #expect(outcomes.withLock { $0.sorted() } == ["refused", "refused", "refused", "replayed"])
    #expect(try tables.number("SELECT stock_surplus::bigint FROM activity WHERE id = 2") == 9)
  }

  @Test func listsPagesByReasonAndActivity() throws {
    try bury(
      (1...9).map { event(activity: 2 + $0 % 2, slot: $0, seq: $0, user: "u\($0)", request: "r") })
    var topic = Topic(partitions: 1)
    _ = try tables.applyOne(
      [UInt8]([0, 1]).map { byte in
        var message = topic.message([byte], key: Array("3_7".utf8), partition: 0)
        message = StreamMessage(
          partition: 0, offset: 9 + Int64(byte), key: message.key, payload: message.payload,
          content: message.content)
        return message
      })
    let store = try store()
    let first = try store.list(DeadLetterStore.Filter(), limit: 4)
    #expect(first.map(\.offset) == [0, 1, 2, 3])
    let rest = try store.list(
      DeadLetterStore.Filter(), after: DeadLetterStore.Place(partition: 0, offset: 3), limit: 90)
    #expect(rest.map(\.offset) == Array(4...10))
    let ofThree = try store.list(
      DeadLetterStore.Filter(activity: ActivityID(3)), limit: 90)
    #expect(ofThree.map(\.offset) == [0, 2, 4, 6, 8, 9, 10])
    #expect(ofThree.last?.slot?.number == 7)
    let malformed = try store.list(DeadLetterStore.Filter(reason: "malformed"), limit: 90)
    #expect(malformed.map(\.offset) == [9, 10])
  }

  /// As a rebuild reads it: a slot is spelled in one way.
  @Test func aKeyWithALeadingZeroNamesNoSlot() throws {
    var topic = Topic(partitions: 1)
    _ = try tables.applyOne(
      ["3_07", "3_+7", "3_70"].map { topic.message([0], key: Array($0.utf8), partition: 0) })
    let letters = try store().list(DeadLetterStore.Filter(), limit: 90)
    #expect(letters.map { $0.slot?.number } == [nil, nil, 70])
  }
}
