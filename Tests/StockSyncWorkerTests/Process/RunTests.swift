import Glibc
import PostgresClient
import Stock
import TestSupport
import Testing
import Threads

@testable import StockSyncWorker

/// The worker as a process, on real Kafka and Postgres.
@Suite struct RunTests {
  @Test func appliesATopicAndAgainFromTheBeginningChangesNothing() throws {
    var random = Seeded(21)
    let history = History(activity: 1, total: 500, steps: 6_000, using: &random)
    let deployment = try Deployment(LocalStack.shared(), activities: [1: 500])
    let publisher = try Publisher(deployment)
    try publisher.publish(Array(history.events[..<4_000] + history.events[..<1_000]))
    try publisher.publish(history.events.dropFirst(4_000).shuffled(using: &random))

    let first = try deployment.worker()
    let isApplied = try eventually(within: 60) {
      try deployment.appliedOffsets() == publisher.published
    }
    #expect(isApplied, "\(first.process.tail)")
    #expect(try first.process.terminate() == .exited(0))
    #expect(publisher.published == 7_000)
    #expect(try deployment.tables.differences(from: [history]) == [])

    let before = try deployment.tables.dump()
    try deployment.tables.rewind()
    let second = try deployment.worker(["--apply-batch", "100"])
    let isAppliedAgain = try eventually(within: 60) {
      try deployment.appliedOffsets() == publisher.published
    }
    #expect(isAppliedAgain, "\(second.process.tail)")
    #expect(try second.process.terminate() == .exited(0))
    #expect(try deployment.tables.dump() == before)
    #expect(first.events("stopped").first?["ending"] as? String == "stopped")
  }

  @Test func aNewerMessageStopsItsPartitionAloneAndPoisonStopsNothing() throws {
    let deployment = try Deployment(LocalStack.shared(), activities: [1: 100], partitions: 2)
    let publisher = try Publisher(deployment)
    func claim(_ slot: Int64) -> String {
      String(
        decoding: event(slot: slot, seq: slot, user: "u\(slot)", request: "r").encoded(),
        as: UTF8.self)
    }
    try publisher.publish(claim(1), partition: 0)
    try publisher.publish("{broken", partition: 0)
    try publisher.publish(claim(2), partition: 0)
    try publisher.publish(#"{"v":2,"type":"claimed"}"#, partition: 0)
    try publisher.publish(claim(3), partition: 0)
    try publisher.publish(claim(4), partition: 1)
    let worker = try deployment.worker()
    let isApplied = try eventually(within: 30) {
      try deployment.tables.claims(of: 1).keys.sorted() == [1, 2, 4]
    }
    #expect(isApplied, "\(worker.process.tail)")
    let isSaid = eventually(within: 10) {
      (worker.events("stats").last?["stuck"] as? [String: String])?["0"] != nil
    }
    #expect(isSaid)
    #expect(worker.events("partition_too_new").count == 1)
    #expect(worker.events("partition_too_new").first?["offset"] as? Int == 3)
    try publisher.publish(claim(5), partition: 1)
    #expect(
      try eventually(within: 30) {
        try deployment.tables.claims(of: 1).keys.sorted() == [1, 2, 4, 5]
      })
    #expect(try worker.process.terminate() == .exited(0))
    #expect(try deployment.tables.deadLetters() == ["0/1 malformed"])
    #expect(
      try deployment.tables.texts("SELECT partition || ' ' || next FROM consumer_offset ORDER BY 1")
        == ["0 3", "1 2"])
  }

  @Test func refusesADatabaseThatIsNotMigratedAndATopicOfAnotherSize() throws {
    let stack = try LocalStack.shared()
    let deployment = try Deployment(stack, activities: [:])
    let unmigrated = try deployment.worker(
      [], ["SLIDING_STOCK_POSTGRES_CONNECTION": try stack.freshDatabase()])
    #expect(try unmigrated.process.wait(within: 20) == .exited(1))
    #expect(unmigrated.events("start_refused").count == 1)
    let narrow = try deployment.worker(["--kafka-partitions", "3"])
    #expect(try narrow.process.wait(within: 20) == .exited(1))
    #expect(narrow.events("start_refused").count == 1)
    let protected = try deployment.worker(["--kafka-property", "auto.offset.reset=latest"])
    #expect(try protected.process.wait(within: 20) == .exited(2))
    #expect(protected.process.errorOutput.contains("auto.offset.reset"))
  }

  @Test func waitsForItsServersAndEndsWhenTold() throws {
    let deployment = try Deployment(LocalStack.shared(), activities: [:])
    let worker = try deployment.worker(
      [], ["SLIDING_STOCK_POSTGRES_CONNECTION": "host=127.0.0.1 port=\(freePort()) dbname=x"])
    #expect(eventually(within: 20) { worker.events("start_waits").count >= 2 })
    #expect(try worker.process.terminate() == .exited(0))
  }

  /// Its batches wait for a table that somebody else holds: no offsets move, an alarm comes, and SIGTERM still ends it.
  @Test func aStalledBatchIsAnAlarmAndASecondSignalEndsAtOnce() throws {
    let deployment = try Deployment(LocalStack.shared(), activities: [1: 10])
    let publisher = try Publisher(deployment)
    let holder = try PostgresConnection(deployment.tables.settings)
    try holder.executeScript("BEGIN; LOCK TABLE claim")
    try publisher.publish([event(slot: 1, seq: 1, user: "a", request: "r")])
    let worker = try deployment.worker([
      "--apply-stall-ms", "1000", "--postgres-lock-timeout-ms", "20000",
    ])
    #expect(eventually(within: 30) { !worker.events("apply_stalled").isEmpty })
    worker.process.signal(SIGTERM)
    #expect(eventually(within: 10) { !worker.events("stopping").isEmpty })
    #expect(worker.process.isRunning)
    worker.process.signal(SIGTERM)
    #expect(try worker.process.wait(within: 5) == .exited(130))
    try holder.executeScript("ROLLBACK")
    #expect(try deployment.tables.claims(of: 1).isEmpty)
  }

  @Test func tablesThatContradictEachOtherEndItWithAnAlarm() throws {
    let deployment = try Deployment(LocalStack.shared(), activities: [1: 10])
    try PostgresConnection(deployment.tables.settings).execute(
      "UPDATE activity SET stock_surplus = 0")
    try Publisher(deployment).publish([event(slot: 1, seq: 1, user: "a", request: "r")])
    let worker = try deployment.worker()
    #expect(try worker.process.wait(within: 30) == .exited(4))
    #expect(
      worker.events("corruption").first?["constraint"] as? String
        == BatchTransaction.surplusInvariant)
    #expect(try deployment.tables.claims(of: 1).isEmpty)
    #expect(try deployment.appliedOffsets() == 0)
  }
}
