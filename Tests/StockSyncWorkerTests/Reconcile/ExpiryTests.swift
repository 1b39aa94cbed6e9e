import Log
import PostgresClient
import RedisClient
import Stock
import TestSupport
import Testing
import Threads

@testable import StockSyncWorker

/// Activities whose retention is over leave Redis; and the worker's thread that sees to it.
@Suite struct ExpiryTests {
  private func makeOld(_ scene: ReconcileScene, hours: Int) throws -> ActivityID {
    let id = ActivityID(9)!
    try PostgresConnection(scene.deployment.tables.settings).execute(
      """
      INSERT INTO activity (id, name, stock_total, stock_surplus, per_user_limit, opens_at, closes_at, state)
      VALUES (9, 'old', 5, 5, 1, now() - make_interval(hours => $1 + 1), now() - make_interval(hours => $1), 'open')
      """, [.int4(Int32(hours))])
    try scene.list(id, total: 5, closesMs: wallClockMs() - Int64(hours) * 3_600_000)
    for key in [RedisKeys(id).locks, RedisKeys(id).users] { try scene.run("HSET", key, "1", "x") }
    try scene.run("RPUSH", RedisKeys(id).free, "1")
    return id
  }

  private func expire(_ scene: ReconcileScene, hours: Int) throws {
    var waiting = Expiry.Waiting()
    let settings = try scene.settings()
    let log = Log(service: "test", instance: "test", level: .alarm)
    defer { log.close(until: .after(ms: 1_000)) }
    try Expiry(
      postgres: PostgresSide(
        topic: settings.topic, connection: try PostgresConnection(settings.postgres)),
      redis: try RedisSide(settings.redis), retentionHours: hours, log: log
    ).run(&waiting)
  }

  private func keys(_ scene: ReconcileScene, _ id: ActivityID) throws -> Int64 {
    let keys = RedisKeys(id)
    return try scene.run(
      "EXISTS", keys.stock, keys.locks, keys.users, keys.free, keys.outbox
    ).int! + (try scene.run("SISMEMBER", RedisKeys.activities, id.description).int!)
  }

  @Test func removesWhatIsOverAndPublishedAndNothingElse() throws {
    let scene = try ReconcileScene()
    try scene.hold(1...3)
    let id = try makeOld(scene, hours: 48)
    let kept = try scene.dump()
    try expire(scene, hours: 49)
    #expect(try keys(scene, id) == 5)
    // What Kafka has not acknowledged is worth more than the room.
    try scene.run(
      "XADD", RedisKeys(id).outbox, "7-0", "f", "7", "k", "c", "e", "3", "t", "5", "d", "1 a r")
    try expire(scene, hours: 24)
    #expect(try keys(scene, id) == 6)
    try scene.run("XDEL", RedisKeys(id).outbox, "7-0")
    // Nothing is known of a server that is fenced.
    try scene.fence("2")
    try expire(scene, hours: 24)
    #expect(try keys(scene, id) == 6)
    try scene.fence("3")
    // Left out by the last recovery, which had begun to rebuild it.
    let staged = "\(RedisKeys(id).stock):staged"
    try scene.run("SADD", staged, "abc")
    for part in ["meta", "locks", "users", "free"] {
      try scene.run("SET", "\(staged):abc:\(part)", "x")
    }
    try scene.run("HSET", RedisKeys(id).stock, "epoch", "1", "fence", "another:server")
    try expire(scene, hours: 24)
    #expect(try keys(scene, id) == 0)
    for key in [staged, "\(staged):abc:meta", "\(staged):abc:locks", "\(staged):abc:users"] {
      #expect(try scene.run("EXISTS", key).int == 0)
    }
    #expect(try scene.run("EXISTS", "\(staged):abc:free").int == 0)
    #expect(try scene.dump() == kept)
    #expect(try scene.deployment.tables.number("SELECT count(*) FROM activity") == 2)
  }

  @Test func aWindowThatRedisHasOtherwiseKeepsIt() throws {
    let scene = try ReconcileScene()
    let id = try makeOld(scene, hours: 48)
    try scene.run("HSET", RedisKeys(id).stock, "closes", "4000000000000")
    try expire(scene, hours: 24)
    #expect(try keys(scene, id) == 5)
  }

  @Test func twoWorkersReconcileRepairAndExpire() throws {
    let scene = try ReconcileScene()
    try scene.hold(1...3)
    try scene.lock(7, "u7", 7)
    try scene.record("u7", "7")
    try scene.run("HSET", scene.keys.locks, "8", "what is this")
    try scene.count()
    let id = try makeOld(scene, hours: 48)
    let more = ["--reconcile-interval-ms", "100", "--activity-retention-hours", "24"]
    let workers = [try scene.deployment.worker(more), try scene.deployment.worker(more)]
    func events(_ name: String) -> [[String: Any]] { workers.flatMap { $0.events(name) } }
    #expect(eventually(within: 30) { events("activity_expired").count == 1 })
    #expect(try keys(scene, id) == 0)
    #expect(try eventually(within: 30) { try scene.deployment.tables.claims(of: 1)[7] != nil })
    #expect(
      eventually(within: 30) {
        (events("reconciled").last?["differences"] as? Int) == 1
          && events("reconciled").count > 5
      })
    let repaired = events("reconcile_repaired")
    #expect(repaired.first?["slot"] as? Int == 7)
    #expect(repaired.first?["kind"] as? String == "redis_only")
    let unreadable = events("reconcile_difference").filter { $0["slot"] as? Int == 8 }
    // Unchanged, each says it once.
    #expect((1...2).contains(unreadable.count))
    #expect(unreadable.allSatisfy { $0["level"] as? String == "alarm" })
    for worker in workers { #expect(try worker.process.terminate() == .exited(0)) }
  }

  @Test func whatWaitsIsSaidOnceUntilItChanges() throws {
    let scene = try ReconcileScene()
    let outbox = RedisKeys(try makeOld(scene, hours: 48)).outbox
    func wait(_ seq: String) throws {
      try scene.run(
        "XADD", outbox, "\(seq)-0", "f", seq, "k", "c", "e", "3", "t", "5", "d", "1 a r")
    }
    try wait("7")
    let worker = try scene.deployment.worker([
      "--reconcile-interval-ms", "50", "--activity-retention-hours", "24",
    ])
    func told() -> [String?] {
      worker.events("activity_expiry_waits").map { $0["outbox"] as? String }
    }
    #expect(eventually(within: 30) { worker.events("reconciled").count > 3 })
    #expect(told() == ["1"])
    try wait("8")
    #expect(eventually(within: 30) { told() == ["1", "2"] })
    #expect(try worker.process.terminate() == .exited(0))
  }

  @Test func oneAtATimeAndNoLongerThanItsTurn() throws {
    let scene = try ReconcileScene()
    try scene.hold(1...3)
    let settings = try scene.settings()
    let holder = PostgresSide(
      topic: settings.topic, connection: try PostgresConnection(settings.postgres))
    #expect(try holder.tryLock())
    // A holder that stops loses it.
    let idle = try holder.connection.execute("SHOW idle_session_timeout").text(0, 0)
    #expect(idle == "2min")
    let worker = try scene.deployment.worker(["--reconcile-interval-ms", "50"])
    #expect(eventually(within: 30) { !worker.events("reconcile_elsewhere").isEmpty })
    #expect(worker.events("reconciled").isEmpty)
    holder.connection.close()
    #expect(eventually(within: 30) { worker.events("reconciled").count > 2 })
    #expect(worker.events("reconcile_elsewhere").count == 1)
    // While the worker lives, another gets its turn.
    let other = PostgresSide(
      topic: settings.topic, connection: try PostgresConnection(settings.postgres))
    #expect(try eventually(within: 30) { try other.tryLock() })
    #expect(try worker.process.terminate() == .exited(0))
  }
}
