import KafkaClient
import PostgresClient
import RedisClient
import Stock
import TestSupport
import Testing

@testable import StockSyncWorker

/// Every kind of difference, planted in real Redis, Postgres and Kafka.
@Suite struct ReconcileTests {
  /// Plants each difference of slots and users; their names are what has to be found.
  private func plant(_ scene: ReconcileScene) throws -> [String] {
    try PostgresConnection(scene.deployment.tables.settings).executeScript(
      """
      ALTER TABLE claim ADD CONSTRAINT odd CHECK (usr <> 'odd' AND NOT (slot = 33 AND state = 'released'))
      """)
    try scene.hold(1...20)
    // Held by both and in the list of slots given back: a hint, checked against the locks.
    try scene.run("RPUSH", scene.keys.free, "1")

    try scene.lock(21, "a21", 21)
    try scene.record("a21", "21")
    try scene.publish([scene.claimed(22, "a22", 22)])
    try scene.publish([scene.claimed(23, "a23", 23)])
    try scene.lock(23, "b23", 23)
    try scene.record("b23", "23")
    try scene.publish([
      scene.claimed(24, "a24", 24), scene.released(24, "a24", 40), scene.claimed(24, "c24", 41),
    ])
    try scene.lock(24, "a24", 24)
    try scene.record("a24", "24")
    try scene.publish([scene.claimed(25, "a25", 25), scene.released(25, "a25", 42)])
    try scene.lock(25, "b25", 60)
    try scene.record("b25", "25")
    // Releases whose outbox entries are gone: Postgres has one of them.
    try scene.publish([scene.claimed(26, "a26", 26), scene.released(26, "a26", 43)])
    try scene.lock(26, "a26", 43, mark: " r")
    try scene.record("a26", "r:26:26")
    try scene.publish([scene.claimed(27, "a27", 27)])
    try scene.lock(27, "a27", 44, mark: " r")
    try scene.record("a27", "r:27:27")
    try scene.run("HSET", scene.keys.locks, "28", "what is this")
    try scene.publish([scene.claimed(29, "a29", 29)])
    try scene.lock(29, "a29", 29)
    try scene.record("a29", "old:7:2:r")
    try scene.record("ghost", "30")
    // Dead letters: unresolved, discarded, of a release, and of a request that holds another slot.
    try scene.publish([scene.claimed(31, "odd", 31, "r1"), scene.claimed(32, "odd", 32, "r2")])
    try scene.lock(31, "odd", 31, "r1")
    try scene.lock(32, "odd", 32, "r2")
    try scene.record("odd", "31,32")
    try scene.publish([scene.claimed(33, "a33", 33), scene.released(33, "a33", 45)])
    try scene.publish([scene.claimed(34, "u1", 34)])
    try scene.lock(34, "u1", 34)
    try scene.record("u1", "1,34")
    try scene.record("weird", "???")
    try scene.apply()
    try PostgresConnection(scene.deployment.tables.settings).execute(
      """
      UPDATE dead_letter SET discarded_at = now(), resolved_by = 'ann'
      WHERE key = convert_to('1_32', 'UTF8')
      """)
    try scene.count()
    return [
      "user_unreadable 0", "redis_only 21", "postgres_only 22", "other_holder 23",
      "redis_older 24", "postgres_older 25", "releasing_stuck 26", "releasing_stuck 27",
      "lock_unreadable 28", "lock_without_user 29", "user_without_lock 30",
      "held_by_dead_letter 31", "held_by_discarded_letter 32", "release_is_dead_letter 33",
      "request_has_other_slot 34",
    ]
  }

  @Test func namesEachAndChangesNothingUnasked() throws {
    let scene = try ReconcileScene()
    let expected = try plant(scene)
    let before = try scene.dump()
    let (rows, ends) = (try scene.deployment.tables.dump(), try scene.ends())
    let report = try scene.reconcile()
    #expect(report.named == expected)
    #expect(report.notJudged == nil)
    #expect(report.repaired == 0)
    #expect(report.needsRecovery)
    #expect(report.slots == 100)
    #expect(try scene.dump() == before)
    #expect(try scene.deployment.tables.dump() == rows)
    #expect(try scene.ends() == ends)
    // In small helpings the same.
    #expect(try scene.reconcile { $0.suspectLimit = 2 }.named == expected)

    let redisOnly = try #require(report.findings.first { $0.difference.slot == 21 }?.difference)
    #expect(redisOnly.activity == 1)
    #expect(redisOnly.user == "a21")
    #expect(redisOnly.request == "r")
    #expect(redisOnly.seq == 21)
    #expect(redisOnly.epoch == ReconcileScene.epoch)
    #expect(redisOnly.side == .redis)
    let postgresOnly = try #require(report.findings.first { $0.difference.slot == 22 }?.difference)
    #expect(postgresOnly.side == .postgres)
    #expect(postgresOnly.sinceMs == 1_767_225_600_000)
    #expect(postgresOnly.needsRecovery)
  }

  @Test func repairsInTheSafeDirectionAlone() throws {
    let scene = try ReconcileScene()
    let expected = try plant(scene)
    let fence = try #require(try scene.run("HGET", scene.keys.stock, "fence").text)
    let first = try scene.reconcile(repair: true)
    #expect(first.named == expected)
    let lost = ["postgres_only 22", "redis_older 24"]
    #expect(
      first.mended == [
        "redis_only 21", lost[0], lost[1], "postgres_older 25", "releasing_stuck 26",
        "releasing_stuck 27", "lock_without_user 29", "request_has_other_slot 34",
      ])
    // What Redis has lost is recovery's: the activity is fenced. Here it is opened again to see the rest.
    #expect(try scene.run("HGET", scene.keys.stock, "fence") == .null)
    try scene.run("HSET", scene.keys.stock, "fence", fence)
    let locks = try scene.redis.pipeline([
      RedisCommand("HMGET", scene.keys.locks, "22", "26", "34")
    ])[0].elements
    // 22 was held by Postgres alone: no single lock is set again. 34 is being given back.
    #expect(locks?[0].text == nil)
    #expect(locks?[1].text == nil)
    #expect(locks?[2].text == "u1 r 1001 3 r")
    #expect(try scene.run("HGET", scene.keys.users, "u1").text == "1,r:34:34")
    #expect(try scene.run("HGET", scene.keys.users, "a26").text == "r:26:26:r")
    #expect(try scene.run("HGET", scene.keys.users, "a29").text == "old:7:2:r,29")
    #expect(try scene.run("LRANGE", scene.keys.free, "0", "-1").elements?.last?.text == "26")
    #expect(try scene.run("XLEN", scene.keys.outbox).int == 1)
    let letter = try scene.deployment.tables.texts(
      "SELECT resolved_by || ' ' || resolution_note FROM dead_letter WHERE reason = 'request_has_other_slot'"
    )
    #expect(letter == ["reconcile the request keeps slot 1, slot 34 is given back"])

    // The worker applies what was published again.
    let ends = try scene.ends()
    let worker = try scene.deployment.worker(["--reconcile-interval-ms", "0"])
    let isApplied = try eventually(within: 60) {
      try scene.deployment.appliedOffsets() == ends.values.reduce(0, +)
    }
    #expect(isApplied, "\(worker.process.tail)")
    #expect(try worker.process.terminate() == .exited(0))
    #expect(try scene.deployment.tables.claims(of: 1)[21]?.user == "a21")
    #expect(try scene.deployment.tables.claims(of: 1)[25]?.user == "b25")
    #expect(try scene.deployment.tables.claims(of: 1)[27]?.state == "released")
    let second = try scene.reconcile(repair: true)
    #expect(second.mended == lost + ["releasing_stuck 27"])
    try scene.run("HSET", scene.keys.stock, "fence", fence)
    let third = try scene.reconcile(repair: true)
    #expect(
      third.named
        == expected.filter { lost.contains($0) || !(first.mended + second.mended).contains($0) })
    #expect(third.mended == lost)
    let surplus = try scene.deployment.tables.texts(
      """
      SELECT (stock_total - stock_surplus)::text FROM activity
      WHERE stock_total - stock_surplus = (SELECT count(*) FROM claim WHERE state = 'claimed')
      """)
    #expect(surplus.count == 1)
  }

  /// A rejected claim is given back only where Redis itself holds and answers with the slot that the request keeps.
  @Test func givesNothingBackThatRedisAnswersWith() throws {
    let scene = try ReconcileScene()
    try scene.hold(1...3)
    try scene.publish([scene.claimed(9, "u1", 9)])
    try scene.apply()
    try scene.lock(9, "u1", 9)
    try scene.record("u1", "9,1")
    try scene.count()
    let before = try scene.dump()
    let report = try scene.reconcile(repair: true)
    #expect(report.named == ["request_has_other_slot 9"])
    #expect(report.repaired == 0)
    #expect(try scene.dump() == before)
  }

  /// Publishing such a release again would change nothing, at every run.
  @Test func releasesThatPostgresWritesNothingOfAreNotPublishedAgain() throws {
    let scene = try ReconcileScene()
    try PostgresConnection(scene.deployment.tables.settings).executeScript(
      "ALTER TABLE claim ADD CONSTRAINT odd CHECK (NOT (slot = 8 AND state = 'released'))")
    try scene.hold(1...3)
    // Given back, for the request holds slot 1; and refused.
    try scene.publish([
      scene.claimed(7, "u1", 7), scene.released(7, "u1", 20), scene.claimed(8, "u8", 8),
      scene.released(8, "u8", 21),
    ])
    try scene.apply()
    try scene.lock(7, "u1", 20, mark: " r")
    try scene.record("u1", "1,r:7:7")
    try scene.lock(8, "u8", 21, mark: " r")
    try scene.record("u8", "r:8:8")
    try scene.count()
    let ends = try scene.ends()
    let report = try scene.reconcile(repair: true)
    #expect(report.named == ["releasing_stuck 7", "release_is_dead_letter 8"])
    #expect(report.mended == ["releasing_stuck 7"])
    #expect(try scene.run("HGET", scene.keys.locks, "7") == .null)
    #expect(try scene.run("HGET", scene.keys.users, "u1").text == "1,r:7:7:r")
    #expect(try scene.run("HGET", scene.keys.locks, "8").text == "u8 r 21 3 r")
    #expect(try scene.reconcile(repair: true).named == ["release_is_dead_letter 8"])
    #expect(try scene.ends() == ends)
  }

  @Test func theSurplusAndTheTotalAreComparedAndNeverRepaired() throws {
    let scene = try ReconcileScene()
    try scene.hold(1...5)
    try PostgresConnection(scene.deployment.tables.settings).execute(
      "UPDATE activity SET stock_surplus = 94")
    try scene.run("HSET", scene.keys.stock, "total", "101")
    let report = try scene.reconcile(repair: true)
    #expect(report.named == ["surplus_differs 0", "total_differs 0"])
    #expect(report.isCorrupt)
    #expect(ReconcileCommand.status(of: report) == .corruption)
    #expect(report.repaired == 0)
    #expect(
      try scene.deployment.tables.number("SELECT stock_surplus::bigint FROM activity") == 94)
  }

  @Test func whatNeedsRecoveryStopsTheJudging() throws {
    let scene = try ReconcileScene()
    try scene.hold(1...5)
    try scene.lock(9, "redis_only", 9)
    func named() throws -> [String] {
      let report = try scene.reconcile(repair: true)
      #expect(report.notJudged?.contains("needs recovery") == true)
      #expect(report.needsRecovery)
      #expect(report.repaired == 0)
      return report.named
    }
    // The lock was not counted.
    #expect(try named() == ["locks_count 0"])
    try scene.count()
    try scene.outbox(1_001, "c", 9, "redis_only")
    #expect(try named() == ["outbox_count 0"])
    try scene.count()
    #expect(try scene.reconcile().notJudged == nil)
    try scene.run("HSET", scene.keys.stock, "epoch", "2")
    #expect(try named() == ["fence 0"])
    try scene.run("HSET", scene.keys.stock, "epoch", "3", "fence", "another:server")
    #expect(try named() == ["fence 0"])
    try scene.run("DEL", scene.keys.stock)
    #expect(try named() == ["activity_missing_in_redis 0"])
    try scene.fence("4")
    #expect(try named() == ["fence 0"])
    try scene.run("FLUSHDB")
    #expect(try named() == ["fence 0"])
  }

  @Test func anActivityThatPostgresDoesNotKnowIsNamed() throws {
    let scene = try ReconcileScene()
    try scene.hold(1...5)
    try scene.list(ActivityID(77)!, total: 5)
    let report = try scene.reconcile(repair: true)
    #expect(report.findings.map(\.difference.kind) == [.activityUnknownToPostgres])
    #expect(report.findings.first?.difference.activity == 77)
    #expect(try scene.reconcile(only: scene.id).findings.isEmpty)
    #expect(try scene.reconcile(only: ActivityID(78)).notJudged?.contains("not open") == true)
  }
}
