import PostgresClient
import Stock
import TestSupport
import Testing
import Threads

@testable import StockSyncWorker

@Suite struct PoisonTests {
  /// Applies good events around the given ones and gives the dead letters, as reasons; the good ones must be applied.
  private func reasons(
    _ tables: Tables, _ poison: [StockEvent], batchUpTo limit: Int
  ) throws -> [String] {
    var random = Seeded(11)
    var topic = Topic(partitions: 3)
    let good = (1...40).map { event(slot: $0, seq: $0, user: "good\($0)", request: "g") }
    var all = good.prefix(20).map { topic.message($0) }
    all += poison.map { topic.message($0) }
    all += good.dropFirst(20).map { topic.message($0) }
    try tables.apply(all, batchUpTo: limit, using: &random)
    #expect(
      try tables.number("SELECT count(*) FROM claim WHERE usr LIKE 'good%' AND state = 'claimed'")
        == 40)
    let before = try tables.dump()
    try tables.rewind()
    try tables.apply(all, batchUpTo: limit, using: &random)
    #expect(try tables.dump() == before, "applied again, something changed")
    return try tables.texts("SELECT reason FROM dead_letter ORDER BY first_seen_at, detail")
  }

  @Test(arguments: [1, 7, 1_000])
  func everyKindIsKeptAsideAndTheRestIsApplied(limit: Int) throws {
    let tables = try Tables(activities: [1: 50])
    // What the decoder lets through the tables take; so something that they don't.
    try PostgresConnection(tables.settings).execute(
      "ALTER TABLE claim ADD CONSTRAINT odd CHECK (usr <> 'refused')")
    let found = try reasons(
      tables,
      [
        event(activity: 9, slot: 1, seq: 1, user: "a", request: "r"),
        event(slot: 51, seq: 51, user: "b", request: "r"),
        event(slot: 1 << 52, seq: 52, user: "c", request: "r"),
        event(slot: 41, seq: 53, user: "refused", request: "r"),
        // Slot 20 and seq 20 are good20's.
        event(slot: 20, seq: 20, user: "e", request: "r"),
        event(.released, slot: 20, seq: 20, user: "good20", request: "g"),
        // good1 has slot 1.
        event(slot: 42, seq: 54, user: "good1", request: "g"),
        event(.released, slot: 42, seq: 55, user: "good1", request: "g"),
        // A request that was given back, on another slot and on its own.
        event(slot: 43, seq: 56, user: "f", request: "r"),
        event(.released, slot: 43, seq: 57, user: "f", request: "r"),
        event(slot: 44, seq: 58, user: "f", request: "r"),
        event(slot: 43, seq: 59, user: "h", request: "r"),
        event(slot: 45, seq: 60, user: "f", request: "r"),
        event(.released, slot: 46, seq: 61, user: "i", request: "r"),
        event(slot: 46, seq: 62, user: "i", request: "r"),
      ], batchUpTo: limit)
    #expect(
      found.sorted()
        == [
          "refused", "request_has_other_slot", "request_has_other_slot",
          "request_was_released", "request_was_released", "slot_out_of_range",
          "slot_out_of_range", "slot_seq_conflict", "slot_seq_conflict", "unknown_activity",
        ])
    // 40 good ones and h's slot 43, which f had given back.
    #expect(try tables.number("SELECT stock_surplus::bigint FROM activity") == 9)
    #expect(
      try tables.texts("SELECT usr FROM released_request ORDER BY usr") == ["f", "i"])
    #expect(try tables.claims(of: 1)[43]?.user == "h")
    #expect(try tables.claims(of: 1)[41] == nil)
  }

  @Test func whatCannotBeReadIsKeptByteForByte() throws {
    let tables = try Tables(activities: [1: 50])
    var topic = Topic(partitions: 1)
    let payloads: [[UInt8]?] = [[], [0, 255, 7], Array("{\"v\":1}".utf8), nil]
    let outcome = try tables.applyOne(
      payloads.map { topic.message($0, key: [9], partition: 0) }
        + [topic.message(event(slot: 1, seq: 1, user: "a", request: "r"))])
    guard case .applied(let applied) = outcome else {
      Issue.record("\(outcome)")
      return
    }
    #expect(applied.deadLetters.count == 4)
    #expect(applied.heldChange == 1)
    #expect(
      try tables.deadLetters() == (0..<4).map { "0/\($0) malformed" })
    let kept = try PostgresConnection(tables.settings).execute(
      "SELECT payload, key FROM dead_letter ORDER BY \"offset\"")
    #expect((0..<3).map { kept.bytea($0, 0) } == payloads.prefix(3).map { $0! })
    #expect(kept.optionalBytea(3, 0) == nil)
    #expect(kept.bytea(0, 1) == [9])
  }

  @Test func voidEventsAreRecordedUnlessTheyRepeatWhatWasApplied() throws {
    let tables = try Tables(activities: [1: 50])
    var topic = Topic(partitions: 1)
    let first = [
      event(slot: 1, seq: 1, user: "a", request: "r"),
      event(slot: 2, seq: 2, user: "b", request: "r"),
      event(.released, slot: 2, seq: 3, user: "b", request: "r"),
      event(slot: 2, seq: 4, user: "c", request: "r"),
    ]
    _ = try tables.applyOne(first.map { topic.message($0) })
    try PostgresConnection(tables.settings).execute("UPDATE consumer_offset SET barrier_epoch = 2")
    let outcome = try tables.applyOne(
      (first + [
        event(slot: 3, seq: 5, user: "d", request: "r"),
        event(.released, slot: 1, seq: 6, user: "a", request: "r"),
        event(slot: 4, seq: 7, epoch: 2, user: "e", request: "r"),
      ]).map { topic.message($0) })
    guard case .applied(let applied) = outcome else {
      Issue.record("\(outcome)")
      return
    }
    #expect(applied.deadLetters.map(\.reason) == [.voidEpoch, .voidEpoch])
    #expect(applied.deadLetters.map(\.message.offset) == [8, 9])
    #expect(try tables.claims(of: 1).keys.sorted() == [1, 2, 4])
    #expect(try tables.claims(of: 1)[1]?.state == "claimed")
    #expect(try tables.number("SELECT stock_surplus::bigint FROM activity") == 47)
  }

  /// The same request on two slots, in two partitions, by two workers at once: one of the two is kept.
  @Test func aRequestThatTwoWorkersBringAtOnceIsKeptOnce() throws {
    let tables = try Tables(activities: [1: 50])
    let one = event(slot: 1, seq: 1, user: "a", request: "r")
    let two = event(slot: 2, seq: 2, user: "a", request: "r")
    var topic = Topic(partitions: 2)
    let messages = [one, two].map { topic.message($0) }
    // The other worker has inserted and not committed: ours waits for it, gets 23505, tries again and sees it.
    let settings = tables.settings
    let hasInserted = Inbox<Bool>(capacity: 1)
    let other = NamedThread("other") {
      do throws(PostgresError) {
        try PostgresConnection(settings).transaction { connection throws(PostgresError) in
          try connection.execute(
            """
            INSERT INTO claim (activity, slot, seq, state, usr, request, epoch, event_at)
            VALUES (1, 1, 1, 'claimed', 'a', 'r', 1, now())
            """)
          _ = hasInserted.offer(true)
          // Until somebody waits for this transaction.
          try connection.execute(
            """
            DO $$ BEGIN
              FOR i IN 1..500 LOOP
                PERFORM pg_stat_clear_snapshot();
                EXIT WHEN EXISTS (SELECT FROM pg_locks WHERE NOT granted);
                PERFORM pg_sleep(0.01);
              END LOOP;
            END $$
            """)
          return .commit(())
        }
      } catch { _ = hasInserted.offer(false) }
    }
    #expect(hasInserted.take(until: .after(ms: 10_000)) == [true])
    let outcome = try tables.applyOne([messages[1]])
    other.join()
    guard case .applied(let applied) = outcome else {
      Issue.record("\(outcome)")
      return
    }
    #expect(applied.deadLetters.map(\.reason) == [.requestHasOtherSlot])
    #expect(try tables.claims(of: 1).keys.sorted() == [1])
  }
}
