import Foundation
import PostgresClient
import Stock
import TestSupport
import Testing
import Threads

@testable import StockSyncWorker

@Suite struct ApplyTests {
  private func messages(_ events: [StockEvent], partitions: Int32 = 3) -> [StreamMessage] {
    var topic = Topic(partitions: partitions)
    return events.map { topic.message($0) }
  }

  @Test func eachSlotEndsAsItsLastEventSays() throws {
    var random = Seeded(1)
    let histories = [
      History(activity: 1, total: 60, steps: 900, using: &random),
      History(activity: 2, total: 5, steps: 300, using: &random),
    ]
    let tables = try Tables(activities: [1: 60, 2: 5])
    let all =
      zip(histories[0].events, histories[1].events).flatMap { [$0, $1] }
      + histories[0].events.dropFirst(300)
    let applied = try tables.apply(messages(all), batchUpTo: 50, using: &random)
    #expect(try tables.differences(from: histories) == [])
    #expect(applied.events == 1_200)
    #expect(applied.heldChange == 65 - histories[0].surplus - histories[1].surplus)
  }

  @Test(arguments: 1...6)
  func duplicatedAndShuffledMessagesGiveTheSameTables(seed: UInt64) throws {
    var random = Seeded(seed &* 7_919)
    let history = History(activity: 1, total: 40, steps: 500, using: &random)
    let tables = try Tables(activities: [1: 40])
    let doubled = (history.events + history.events + history.events.prefix(100))
      .shuffled(using: &random)
    try tables.apply(messages(doubled), batchUpTo: seed == 1 ? 1_200 : 90, using: &random)
    #expect(try tables.differences(from: [history]) == [])
  }

  @Test func theWholeTopicAgainChangesNothingAtAll() throws {
    var random = Seeded(77)
    let history = History(activity: 1, total: 30, steps: 600, using: &random)
    let tables = try Tables(activities: [1: 30])
    let all = messages(history.events)
    try tables.apply(all, using: &random)
    let before = try tables.dump()
    for limit in [1_000, 37] {
      try tables.rewind()
      let again = try tables.apply(all, batchUpTo: limit, using: &random)
      #expect(again.heldChange == 0)
      #expect(try tables.dump() == before)
    }
    #expect(try tables.differences(from: [history]) == [])
  }

  @Test func anotherPositionIsRefusedAndNothingIsDone() throws {
    let tables = try Tables(activities: [1: 10])
    let all = messages((1...6).map { event(slot: $0, seq: $0, user: "u\($0)", request: "r") })
    guard case .applied = try tables.applyOne(Array(all.prefix(3))) else {
      Issue.record("the first batch was not applied")
      return
    }
    let before = try tables.dump()
    let session = PostgresSession(tables.settings)
    let applier = BatchApplier(transaction: BatchTransaction(topic: tables.topic))
    for start in [[0: 0, 1: 0, 2: 0], [0: 1, 1: 1, 2: 9]] as [[Int32: Int64]] {
      guard case .positionLost = applier.apply(Batch(start: start, messages: all), on: session)
      else {
        Issue.record("a batch from \(start) was applied")
        return
      }
      #expect(try tables.dump() == before)
    }
  }

  @Test func aSurplusThatContradictsTheClaimsStops() throws {
    let tables = try Tables(activities: [1: 10])
    try PostgresConnection(tables.settings).execute("UPDATE activity SET stock_surplus = 0")
    let before = try tables.dump()
    let outcome = try tables.applyOne(messages([event(slot: 1, seq: 1, user: "a", request: "r")]))
    guard case .corrupt(let error) = outcome else {
      Issue.record("\(outcome)")
      return
    }
    #expect(error.constraint == "activity_surplus")
    // Reading the position made its row.
    #expect(try tables.dump().filter { !$0.hasPrefix("consumer_offset") } == before)
  }

  @Test func aLockedTableParks() throws {
    let tables = try Tables(activities: [1: 10]) { $0.lockTimeoutMs = 100 }
    let batch = messages([event(slot: 1, seq: 1, user: "a", request: "r")])
    let holder = try PostgresConnection(tables.settings)
    try holder.executeScript("BEGIN; LOCK TABLE claim")
    guard case .unavailable(let error) = try tables.applyOne(batch) else {
      Issue.record("it was applied")
      return
    }
    #expect(error.sqlState == "55P03")
    try holder.executeScript("ROLLBACK")
    guard case .applied = try tables.applyOne(batch) else {
      Issue.record("it was not applied afterwards")
      return
    }
  }

  /// Two workers, each with its own partitions, on the same activities; two of them fight over rows of `activity`.
  @Test func workersOnTheSameActivitiesAddUp() throws {
    var random = Seeded(3)
    let histories = (1...3).map { History(activity: $0, total: 200, steps: 1_500, using: &random) }
    let tables = try Tables(activities: [1: 200, 2: 200, 3: 200])
    let all = messages(histories.flatMap(\.events).shuffled(using: &random), partitions: 4)
    let failures = Lock<[String]>([])
    let workers = (0..<2).map { worker in
      NamedThread("worker-\(worker)") {
        var random = Seeded(UInt64(worker) + 1)
        do {
          let own = all.filter { $0.partition % 2 == worker }
          try tables.apply(own, batchUpTo: 25, using: &random)
        } catch { failures.withLock { $0.append("\(error)") } }
      }
    }
    for worker in workers { worker.join() }
    #expect(failures.withLock { $0 } == [])
    #expect(try tables.differences(from: histories) == [])
  }

  /// The plan that is made once for batches of any size: each event's rows by their whole keys, no list joined with another;
  /// whatever somebody's ANALYZE found in the tables before a sale filled them.
  @Test(arguments: [nil, (0, 0), (1, 1), (2, 1), (60, 1), (60, 2)] as [(Int, Int)?])
  func theStatementIsLinearInItsBatch(analysed: (activities: Int, slots: Int)?) throws {
    let tables = try Tables()
    var settings = tables.settings
    settings.parameters = BatchTransaction.parameters
    let connection = try PostgresConnection(settings)
    func insert(_ activities: ClosedRange<Int>, _ slots: Int) throws {
      let places = """
        generate_series(\(activities.lowerBound), \(activities.upperBound)) a, generate_series(1, \(slots)) n
        """
      try connection.executeScript(
        """
        INSERT INTO claim (activity, slot, seq, state, usr, request, epoch, event_at)
          SELECT a, n, n, 'claimed', 'u' || n, 'r', 1, now() FROM \(places);
        INSERT INTO released_request (activity, usr, request, slot, seq, epoch, event_at)
          SELECT a, 'u' || n, 'q', n, n, 1, now() FROM \(places)
        """)
    }
    if let analysed {
      if analysed.activities > 0 { try insert(1...analysed.activities, analysed.slots) }
      try connection.executeScript("ANALYZE claim, released_request")
      try insert(100...100, 20_000)
    }
    try connection.executeScript(
      "SET plan_cache_mode = force_generic_plan; PREPARE q AS "
        + sqlText(PackageResources.apply_claims_sql))
    let found = try connection.execute(
      "EXPLAIN EXECUTE q('{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')")
    let plan = (0..<found.rowCount).map { found.text($0, 0) }.joined(separator: "\n")
    let conditions = plan.split(separator: "\n").compactMap { line in
      line.split(separator: "Index Cond: ").dropFirst().first.map(String.init)
    }
    let request = "((activity = e.activity) AND (usr = e.usr) AND (request = e.request))"
    #expect(
      conditions.sorted()
        == [
          "((activity = e.activity) AND (slot = e.slot))", request, request,
          "((activity = n.activity) AND (slot = n.slot))",
        ], "\(plan)")
    for slow in ["Seq Scan", "Materialize", "Join Filter"] {
      #expect(!plan.contains(slow), "\(plan)")
    }
    #expect(plan.components(separatedBy: "Nested Loop Left Join").count == 4, "\(plan)")
  }
}
