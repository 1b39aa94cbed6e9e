import Configuration
import KafkaClient
import PostgresClient
import Stock
import StockRecords
import TestSupport
import Testing

@testable import StockSyncWorker

/// What a recovery asks of Postgres, on a real one.
@Suite struct RecoveryTablesTests {
  private let tables: Tables
  private let recovery: RecoveryTables
  private let id = ActivityID(1)!

  init() throws {
    tables = try Tables(activities: [1: 100, 2: 10])
    recovery = RecoveryTables(try PostgresConnection(tables.settings))
  }

  private func run(_ sql: String, _ values: [PostgresValue] = []) throws {
    try recovery.connection.execute(sql, values)
  }

  private func settings(lockIdleMs: Int) throws -> RecoverySettings {
    let configuration = try Configuration(
      scope: .worker, options: [],
      arguments: [
        "--postgres-connection", tables.settings.connection,
        "--recovery-lock-idle-ms", "\(lockIdleMs)", "--recovery-margin-ms", "100",
        "--recovery-step-limit-ms", "70000", "--postgres-statement-timeout-ms", "100",
        "--postgres-lock-timeout-ms", "100",
      ], environment: [:])
    return try RecoverySettings(configuration, kafka: KafkaSettings(bootstrap: "", clientId: "t"))
  }

  @Test func theOpenOnesWithinRetentionAreTold() throws {
    try run("UPDATE activity SET opens_at = now() - interval '9 hours'")
    try run("UPDATE activity SET closes_at = now() - interval '2 hours' WHERE id = 2")
    #expect(
      try recovery.open(retentionHours: 3)
        == RecoveryNeed.PostgresView(
          epoch: 1, isFenceGiven: true, activities: [id, ActivityID(2)!]))
    #expect(try recovery.open(retentionHours: 1).activities == [id])
    try run("UPDATE activity SET state = 'preparing'")
    #expect(
      try recovery.open(retentionHours: 3)
        == RecoveryNeed.PostgresView(epoch: 1, isFenceGiven: false, activities: []))
    try run("DELETE FROM activity")
    #expect(try recovery.open(retentionHours: 3).epoch == 1)
  }

  @Test func theEpochIsAboveEverybodys() throws {
    #expect(try recovery.advanceEpoch(above: 0) == 2)
    #expect(try recovery.advanceEpoch(above: 1) == 3)
    #expect(try recovery.advanceEpoch(above: 9) == 10)
    #expect(try recovery.epoch() == 10)
    let highest = KnownEpoch.range.upperBound
    #expect(try recovery.advanceEpoch(above: highest + 1) == nil)
    #expect(try recovery.advanceEpoch(above: .max) == nil)
    #expect(try recovery.epoch() == 10)
    #expect(try recovery.advanceEpoch(above: highest) == highest + 1)
    #expect(try recovery.advanceEpoch(above: 0) == nil)
  }

  @Test func onlyPartitionsPastTheirBarrierAreTold() throws {
    try run(
      """
      INSERT INTO consumer_offset (topic, partition, next, barrier_epoch)
      VALUES ('t', 0, 1, 4), ('t', 1, 1, 5), ('t', 2, 1, 6), ('other', 3, 1, 9)
      """)
    #expect(try recovery.passedBarriers(5, topic: "t") == [1, 2])
  }

  @Test func anActivityIsOpenedInTheEpochOfItsPreheatAlone() throws {
    let store = ActivityStore(connection: recovery.connection)
    try run("UPDATE activity SET state = 'preparing'")
    #expect(try recovery.advanceEpoch(above: 0) == 2)
    #expect(try store.open(1, epoch: 1) == ("preparing", 2))
    #expect(try recovery.open(retentionHours: 1).activities.isEmpty)
    #expect(try store.open(1, epoch: 2) == ("open", 2))
    #expect(try store.open(1, epoch: 1) == ("open", 2))  // again: it is open
    #expect(try recovery.open(retentionHours: 1).activities == [id])
  }

  /// The opener holds the epoch until it commits: a recovery waits for it, and then sees the activity.
  @Test func anEpochIsNotTakenWhileAnActivityIsBeingOpened() throws {
    try run("UPDATE activity SET state = 'preparing' WHERE id = 1")
    let opener = try PostgresConnection(tables.settings)
    try opener.execute("BEGIN")
    #expect(try ActivityStore(connection: opener).open(1, epoch: 1).state == "open")
    try run("SET lock_timeout = '200ms'")
    #expect(throws: PostgresError.self) { try recovery.advanceEpoch(above: 0) }
    try opener.execute("COMMIT")
    #expect(try recovery.advanceEpoch(above: 0) == 2)
    #expect(try recovery.open(retentionHours: 1).activities == [id, ActivityID(2)!])
  }

  @Test func theLockIsOnesAndEndsWithAnIdleSession() throws {
    let holder = try RecoveryTables.session(settings(lockIdleMs: 1_000))
    #expect(try !recovery.isLocked())
    #expect(try holder.tryLock())
    #expect(try recovery.isLocked())
    #expect(try !recovery.tryLock())
    #expect(try eventually(within: 10, everyMs: 50) { try recovery.tryLock() })
    #expect(throws: PostgresError.self) { try holder.touch() }

    // Nor does it outlast its time in the middle of a transaction.
    try run("SELECT pg_advisory_unlock_all()")
    let other = try RecoveryTables.session(settings(lockIdleMs: 1_000))
    #expect(try other.tryLock())
    try other.connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    #expect(try eventually(within: 10, everyMs: 50) { try recovery.tryLock() })
    #expect(throws: PostgresError.self) { try other.touch() }
  }

  /// However short other statements have to be.
  @Test func aStatementOfTheLocksSessionMayTakeAsLongAsAStep() throws {
    let session = try RecoveryTables.session(settings(lockIdleMs: 5_000))
    let limits = try session.connection.execute(
      """
      SELECT current_setting('statement_timeout'),
        current_setting('idle_in_transaction_session_timeout')
      """)
    #expect(limits.text(0, 0) == "70s" && limits.text(0, 1) == "5s")
    // Longer than the setting and the client's grace.
    try session.connection.execute("SELECT pg_sleep(2.5)")
  }

  private func bury(
    _ offset: Int64, _ payload: [UInt8]?, key: String? = nil, reason: String = "refused",
    resolved: String? = nil
  ) throws {
    try run(
      """
      INSERT INTO dead_letter (topic, partition, "offset", key, payload, reason, detail)
      VALUES ('t', 0, $1, $2, $3, $4, '')
      """,
      [
        .int8(offset), key.map { .bytea(Array($0.utf8)) } ?? .null,
        payload.map { .bytea($0) } ?? .null, .text(reason),
      ])
    guard let resolved else { return }
    try run(
      "UPDATE dead_letter SET \(resolved) = now(), resolved_by = 'me' WHERE \"offset\" = $1",
      [.int8(offset)])
  }

  private func claim(_ slot: Int64, _ seq: Int64, activity: Int64 = 1) -> [UInt8] {
    StockEvent(
      kind: .claimed, activity: ActivityID(activity)!, slot: slot, seq: seq, epoch: 1,
      user: "u\(slot)", request: "r\(slot)", timeMs: 1
    ).encoded()
  }

  @Test func deadLettersHoldUnlessResolvedVoidOrAnotherActivitys() throws {
    try bury(1, claim(1, 11))
    try bury(2, claim(2, 12), resolved: "replayed_at")
    try bury(3, claim(3, 13), resolved: "discarded_at")
    try bury(4, claim(4, 14), reason: "void_epoch")
    try bury(5, claim(5, 99, activity: 2))
    try bury(6, Array("{broken".utf8), key: "1_6", reason: "malformed")
    try bury(7, nil, key: "1_7", reason: "malformed")
    try bury(8, nil, key: nil, reason: "malformed")
    try bury(9, Array("{broken".utf8), key: "21_9", reason: "malformed")
    var locks: [Int64: String] = [:]
    let rebuilt = try recovery.rebuild(id, topic: "t") { chunk in
      for (slot, lock) in chunk.locks { locks[slot] = lock.text }
    }
    #expect(locks == [1: "u1 r1 11 1", 6: "! ! 0 0", 7: "! ! 0 0"])
    #expect(rebuilt?.totals.seq == 14 && rebuilt?.terms.total == 100)
    #expect(try recovery.rebuild(id, topic: "other") { _ in }?.totals == Rebuild.Totals())
    #expect(try recovery.rebuild(ActivityID(9)!, topic: "t") { _ in } == nil)
  }

  /// More than a page of rows, and all of a user together.
  @Test func aHistoryComesBackInPages() throws {
    try run(
      """
      INSERT INTO claim (activity, slot, seq, state, usr, request, epoch, event_at)
      SELECT 1, n, n, CASE WHEN n % 4 = 0 THEN 'released' ELSE 'claimed' END, 'u' || n % 700, 'r' || n, 1,
        now() FROM generate_series(1, 12000) n
      """)
    try run(
      """
      INSERT INTO released_request (activity, usr, request, slot, seq, epoch, event_at)
      SELECT 1, 'u' || n % 700, 'r' || n, n, n, 1, now() FROM generate_series(4, 12000, 4) n
      """)
    var users: Set<String> = []
    var chunks = 0
    let rebuilt = try recovery.rebuild(id, topic: "t") { chunk in
      chunks += 1
      for (user, claims) in chunk.users {
        #expect(users.insert(user).inserted, "\(user) came twice")
        #expect(claims.allSatisfy { $0.isReleased == ($0.slot % 4 == 0) })
      }
    }
    #expect(chunks > 3 && users.count == 700)
    #expect(
      rebuilt?.totals
        == Rebuild.Totals(locks: 9_000, users: 700, free: 3_000, seq: 12_000, used: 12_000))
    // What the caller cannot stage ends the transaction, and the session stays good.
    struct NoRoom: Error {}
    #expect(throws: NoRoom.self) { try recovery.rebuild(id, topic: "t") { _ in throw NoRoom() } }
    #expect(try recovery.epoch() == 1)
  }
}
