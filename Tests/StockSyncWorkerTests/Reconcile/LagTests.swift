import KafkaClient
import PostgresClient
import RedisClient
import Stock
import TestSupport
import Testing

@testable import StockSyncWorker

/// What is only on its way is no difference, however long it takes.
@Suite struct LagTests {
  @Test func nothingIsJudgedWhilePostgresIsBehind() throws {
    let scene = try ReconcileScene()
    try scene.hold(1...10)
    // In Kafka and acknowledged, and no worker is there.
    try scene.publish((11...15).map { scene.claimed($0, "u\($0)", $0) })
    for slot in Int64(11)...15 {
      try scene.lock(slot, "u\(slot)", slot)
      try scene.record("u\(slot)", "\(slot)")
    }
    // Released in Redis, and Postgres does not know yet.
    try scene.publish([scene.released(1, "u1", 16)])
    try scene.run("HDEL", scene.keys.locks, "1")
    try scene.record("u1", "r:1:1:r")
    try scene.count()
    let (before, ends) = (try scene.dump(), try scene.ends())
    let late = try scene.reconcile(repair: true) { $0.waitMs = 300 }
    #expect(late.notJudged == "Postgres is behind Kafka")
    #expect(late.named == [])
    #expect(late.suspects > 0)
    #expect(try scene.dump() == before)
    #expect(try scene.ends() == ends)
    #expect(ReconcileCommand.status(of: late) == .refused)

    // Applied while it waits.
    var isApplied = false
    let report = try scene.reconcile(during: { ms in
      if ms > 0 && !isApplied {
        isApplied = true
        do { try scene.apply() } catch { Issue.record("\(error)") }
      }
      return true
    })
    #expect(isApplied)
    #expect(report.notJudged == nil)
    #expect(report.named == [])
    #expect(try scene.dump() == before)
    #expect(try scene.ends() == ends)
  }

  @Test func theOutboxAndReleasesOnTheirWayAreNoDifference() throws {
    let scene = try ReconcileScene()
    try scene.hold(1...10)
    for slot in Int64(11)...15 {
      try scene.lock(slot, "u\(slot)", slot + 1_000)
      try scene.record("u\(slot)", "\(slot)")
      try scene.outbox(slot + 1_000, "c", slot, "u\(slot)")
    }
    try scene.lock(1, "u1", 1_100, mark: " r")
    try scene.record("u1", "r:1:1")
    try scene.outbox(1_100, "r", 1, "u1")
    // This one's release is in Kafka, applied even, and its entry not yet deleted.
    try scene.publish([scene.released(2, "u2", 1_101)])
    try scene.apply()
    try scene.lock(2, "u2", 1_101, mark: " r")
    try scene.record("u2", "r:2:2")
    try scene.outbox(1_101, "r", 2, "u2")
    try scene.count()
    let (before, ends) = (try scene.dump(), try scene.ends())
    let report = try scene.reconcile(repair: true)
    #expect(report.named == [])
    #expect(report.notJudged == nil)
    #expect(try scene.dump() == before)
    #expect(try scene.ends() == ends)
  }

  /// Slots that change hands between the reads.
  @Test func whatMovesWhileItIsReadIsNotJudged() throws {
    let scene = try ReconcileScene()
    try scene.hold(1...10)
    // A difference to be waited for, and one that ends while it is waited for.
    try scene.publish([scene.claimed(20, "behind", 20)])
    try scene.lock(20, "behind", 20)
    try scene.record("behind", "20")
    try scene.lock(21, "moves", 21)
    try scene.record("moves", "21")
    try scene.run("HDEL", scene.keys.locks, "3")
    try scene.record("u3", "r:3:3:r")
    try scene.count()
    var isDone = false
    let report = try scene.reconcile(during: { ms in
      if ms == 0 || isDone { return true }
      isDone = true
      do {
        // 21 is being released; 3 was claimed anew and given back, and of that Postgres has the first half.
        try scene.lock(21, "moves", 1_001, mark: " r")
        try scene.record("moves", "r:21:21")
        try scene.outbox(1_001, "r", 21, "moves")
        try scene.publish([scene.released(3, "u3", 30), scene.claimed(3, "next", 1_002)])
        try scene.record("next", "r:3:1002:r")
        try scene.run("HSET", scene.keys.stock, "seq", "1003")
        try scene.count()
        try scene.apply()
      } catch { Issue.record("\(error)") }
      return true
    })
    #expect(isDone)
    #expect(report.named == [])
    #expect(report.repaired == 0)
  }

  @Test func aRecoveryInBetweenEndsTheJudging() throws {
    let scene = try ReconcileScene()
    try scene.hold(1...5)
    try scene.publish([scene.claimed(6, "u6", 6)])
    try scene.lock(6, "u6", 6)
    try scene.record("u6", "6")
    try scene.lock(7, "u7", 7)
    try scene.record("u7", "7")
    try scene.count()
    var isDone = false
    let report = try scene.reconcile(during: { ms in
      if ms > 0 && !isDone {
        isDone = true
        do {
          try scene.fence("4")
          try scene.apply()
        } catch { Issue.record("\(error)") }
      }
      return true
    })
    #expect(isDone)
    #expect(report.notJudged?.contains("untrusted epoch") == true)
    #expect(report.named == [])
  }

  @Test func withoutKafkaNothingIsJudged() throws {
    let scene = try ReconcileScene()
    try scene.hold(1...5)
    #expect(try scene.reconcile { $0.kafka.bootstrap = "127.0.0.1:1" }.notJudged == nil)
    try scene.lock(7, "u7", 7)
    try scene.record("u7", "7")
    try scene.count()
    let report = try scene.reconcile(
      repair: true,
      change: {
        $0.kafka.bootstrap = "127.0.0.1:1"
        $0.kafkaTimeoutMs = 500
      })
    #expect(report.notJudged?.contains("Kafka") == true)
    #expect(report.named == [])
  }

  @Test func aFailureInTheMiddleLosesNoFinding() throws {
    let scene = try ReconcileScene(total: 3_000)
    try scene.hold(1...5)
    try scene.lock(7, "u7", 7)
    try scene.record("u7", "7")
    for slot in Int64(1_001)...1_003 {
      try scene.lock(slot, "u\(slot)", slot)
      try scene.record("u\(slot)", "\(slot)")
    }
    try scene.count()
    var pages = 0
    let report = try scene.reconcile(
      change: { $0.suspectLimit = 1 },
      during: { ms in
        if ms == 0 { pages += 1 }
        // Before the third page.
        if pages == 3 {
          do {
            try scene.run("SET", scene.keys.users, "no hash")
          } catch {
            Issue.record("\(error)")
          }
        }
        return true
      })
    #expect(report.notJudged?.contains("Redis") == true)
    #expect(report.failure is RedisServerError)
    #expect(report.named == [7, 1_001, 1_002, 1_003].map { "redis_only \($0)" })
    #expect(ReconcileCommand.status(of: report) == .unavailable)
  }

  @Test func stopsWhenTold() throws {
    let scene = try ReconcileScene()
    #expect(try scene.reconcile(during: { _ in false }).notJudged == "stopped")
  }
}
