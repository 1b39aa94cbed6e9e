import Foundation
import Glibc
import TestSupport
import Testing

@testable import Crowd

/// The worker that recovers is killed, or stopped until another has recovered and then let go on, before each step.
///
/// The steps are held by the test build (`SLIDING_STOCK_TEST_HOLD`). Here each step is met once, so that the suite takes
/// about 110 s; with `TEST_LONG=yes` in the environment the worker is killed and stopped at each (about 4 minutes).
@Suite(
  .serialized, .enabled(if: KafkaBrokers.canStart, "needs a broker of a real Kafka: set KAFKA_HOME")
)
struct RecoveringWorkerTests {
  static let steps = [
    "lock", "epoch", "control", "outbox", "wait", "barriers", "apply", "rebuild", "swap", "fence",
  ]
  private static let isLong = getenv("TEST_LONG").map { String(cString: $0) } == "yes"
  /// Where a late one writes somewhere it is the stopped one that is met, elsewhere the killed one.
  static let killedAt = isLong ? steps : ["epoch", "control", "wait", "apply", "rebuild"]
  static let stoppedAt = isLong ? steps : steps.filter { !killedAt.contains($0) }

  @Test(arguments: killedAt) func killed(_ step: String) throws {
    let round = try Round(stock: 1_500, workers: [["SLIDING_STOCK_TEST_HOLD": step]])
    let killed = round.workers[0]
    try round.sell(150)
    try round.lose { try round.pair.stack.flushRedis() }
    try awaitHold(round, killed, step)
    killed.process.signal(SIGKILL)
    try round.addWorker()
    try round.awaitRecovery()
    try round.finish("killed before \(step)")
    try round.end()
  }

  @Test(arguments: stoppedAt) func stoppedUntilAnotherHasRecovered(_ step: String) throws {
    let file = try temporaryDirectory("hold") + "/go-on"
    defer { try? FileManager.default.removeItem(atPath: file) }
    let round = try Round(
      stock: 2_500,
      workers: [["SLIDING_STOCK_TEST_HOLD": step, "SLIDING_STOCK_TEST_HOLD_UNTIL": file]])
    let stopped = round.workers[0]
    try round.sell(100)
    let mark = try round.pair.stack.markRedisAOF()
    try round.sell(200)
    try round.lose { try round.pair.stack.powerOffRedis(keeping: mark) }
    try awaitHold(round, stopped, step)
    stopped.process.signal(SIGSTOP)
    try round.addWorker()
    try round.awaitRecovery()
    let linesBefore = stopped.lineCount
    #expect(try round.pair.locks() < 2_500)
    try Data().write(to: URL(fileURLWithPath: file))
    stopped.process.signal(SIGCONT)
    // It carries out its step, or learns that the lock is not its own any more; with the first step it finds nothing to do.
    #expect(
      eventually(within: 20) {
        step == "lock"
          ? stopped.lineCount > linesBefore : !stopped.lines("recovery_failed").isEmpty
      }, "\(round.story)")
    #expect(stopped.lines("recovery_done").isEmpty)
    if let failure = stopped.lines("recovery_failed").first {
      print("the late one, before \(step): \(failure["step"] ?? "") \(failure["error"] ?? "")")
    }
    try round.finish("stopped before \(step)")
    // Nothing that the late one did made another recovery necessary.
    #expect(round.recoveryCount == 1)
    try round.end()
  }

  private func awaitHold(_ round: Round, _ worker: Service, _ step: String) throws {
    let isHeld = eventually(within: 30) { !worker.lines("test_hold").isEmpty }
    guard isHeld else { throw TestSupportError("step \(step) was not reached\n\(round.story)") }
  }
}

extension Service {
  var lineCount: Int { process.output.count { $0 == "\n" } }
}
