import Glibc
import Stock
import TestSupport
import Testing
import Threads

@testable import StockSyncWorker

@Suite(
  .enabled(
    if: try LocalStack.shared([.kafka]).isRealKafka, "the mock cluster has no durable groups"))
struct OutageTests {
  /// Publishes in the background, some hundred messages a second, until all are out.
  private func publishing(_ events: [StockEvent], to deployment: Deployment) -> NamedThread {
    NamedThread("publishing") {
      guard let publisher = try? Publisher(deployment) else { return }
      for start in stride(from: 0, to: events.count, by: 50) {
        guard (try? publisher.publish(Array(events[start..<min(start + 50, events.count)]))) != nil
        else { return }
        usleep(50_000)
      }
    }
  }

  private func isApplied(_ history: History, _ deployment: Deployment, within seconds: Double)
    throws -> Bool
  {
    try eventually(within: seconds, everyMs: 100) {
      try deployment.appliedOffsets() >= Int64(history.events.count)
        && deployment.tables.differences(from: [history]).isEmpty
    }
  }

  @Test(.timeLimit(.minutes(3)))
  func postgresAwayForTenSecondsLosesNothingAndKeepsTheMembership() throws {
    var random = Seeded(31)
    let history = History(activity: 1, total: 3_000, steps: 12_000, using: &random)
    let stack = try LocalStack.start()
    defer { stack.end() }
    let deployment = try Deployment(stack, activities: [1: 3_000])
    let worker = try deployment.worker(["--kafka-max-poll-interval-ms", "6000"])
    #expect(eventually(within: 30) { worker.isReading })
    let membership = worker.membership
    let thread = publishing(history.events, to: deployment)
    #expect(try eventually(within: 30) { try deployment.appliedOffsets() > 1_000 })

    try stack.stop(.postgres)
    let away = MonotonicTime.after(ms: 10_000)
    #expect(eventually(within: 10) { !worker.events("postgres_away").isEmpty })
    usleep(UInt32(away.remainingMs) * 1_000)  // this long is what is shown
    try stack.restart(.postgres)

    thread.join()
    #expect(try isApplied(history, deployment, within: 60), "\(worker.process.tail)")
    #expect(try deployment.tables.differences(from: [history]) == [])
    #expect(!worker.events("postgres_back").isEmpty)
    #expect(worker.membership == membership)
    #expect(worker.events("assigned").count == 1)
    #expect(worker.events("revoked").isEmpty)
    #expect(worker.events("partitions_lost").isEmpty)
    #expect(try worker.process.terminate() == .exited(0))
  }

  @Test(.timeLimit(.minutes(3)))
  func postgresKilledInTheMiddleLosesNothing() throws {
    var random = Seeded(33)
    let history = History(activity: 1, total: 500, steps: 4_000, using: &random)
    let stack = try LocalStack.start()
    defer { stack.end() }
    let deployment = try Deployment(stack, activities: [1: 500])
    let worker = try deployment.worker(["--apply-flush-ms", "5"])
    let thread = publishing(history.events, to: deployment)
    for round in 1...3 {
      #expect(
        try eventually(within: 60) { try deployment.appliedOffsets() > Int64(round) * 600 })
      try stack.kill(.postgres)
      try stack.restart(.postgres)
    }
    thread.join()
    #expect(try isApplied(history, deployment, within: 60), "\(worker.process.tail)")
    #expect(try worker.process.terminate() == .exited(0))
  }

  @Test(.timeLimit(.minutes(3)))
  func twoWorkersOneStoppedAndStartedOneKilled() throws {
    var random = Seeded(35)
    let history = History(activity: 1, total: 2_000, steps: 9_000, using: &random)
    let deployment = try Deployment(LocalStack.shared(), activities: [1: 2_000])
    let one = try deployment.worker()
    let two = try deployment.worker()
    func partitions(_ worker: WorkerProcess) -> [Int] {
      worker.events("stats").last?["partitions"] as? [Int] ?? []
    }
    #expect(
      eventually(within: 30) {
        partitions(one).count == 2 && partitions(two).count == 2
          && Set(partitions(one) + partitions(two)).count == 4
      }, "both have half of the partitions")
    let thread = publishing(history.events, to: deployment)
    #expect(try eventually(within: 30) { try deployment.appliedOffsets() > 1_000 })
    #expect(try one.process.terminate() == .exited(0))
    let three = try deployment.worker()
    #expect(eventually(within: 30) { partitions(three).count == 2 })
    #expect(try eventually(within: 30) { try deployment.appliedOffsets() > 3_000 })
    two.process.signal(SIGKILL)
    thread.join()
    #expect(try isApplied(history, deployment, within: 60), "\(three.process.tail)")
    #expect(try deployment.tables.differences(from: [history]) == [])
    #expect(try three.process.terminate() == .exited(0))
  }
}
