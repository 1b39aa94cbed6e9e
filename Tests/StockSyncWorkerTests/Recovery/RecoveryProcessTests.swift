import Foundation
import Glibc
import TestSupport
import Testing
import Threads

@testable import StockSyncWorker

/// Recoveries by processes, on real Redis, Postgres and Kafka.
@Suite(.timeLimit(.minutes(4))) struct RecoveryProcessTests {
  @Test func aFlushedRedisIsRecoveredByItself() throws {
    let lost = try LostRedis(LocalStack.shared(), seed: 51)
    let worker = try lost.worker()
    #expect(try lost.epoch() == 1)
    try lost.flush()
    #expect(
      eventually(within: 30) { !worker.events("recovery_done").isEmpty },
      "\(worker.process.tail)")
    #expect(try lost.differences() == [])
    #expect(try lost.epoch() == 2)
    #expect(try lost.deployment.tables.differences(from: [lost.history]) == [])
    #expect(worker.events("recovery_needed").count == 1)
    #expect((worker.events("recovery_needed")[0]["reason"] as? String)?.isEmpty == false)
    let done = worker.events("recovery_done")[0]
    #expect(done["epoch"] as? Int == 2 && done["activities"] as? [Int] == [1, 2])
    let steps = worker.events("recovery_step").compactMap { $0["step"] as? String }
    #expect(steps == RecoveryFlow.Step.allCases.map(\.rawValue))
    // The next loss takes the next epoch.
    try lost.flush()
    #expect(eventually(within: 30) { worker.events("recovery_done").count == 2 })
    #expect(try lost.differences() == [])
    #expect(try lost.epoch() == 3)
    #expect(try worker.process.terminate() == .exited(0))
  }

  /// All of its data are there again, and still nobody may trust them before they are compared with Postgres.
  @Test func aRestartedRedisIsRecoveredByItself() throws {
    let stack = try LocalStack.start()
    defer { stack.end() }
    let lost = try LostRedis(stack, seed: 58)
    let worker = try lost.worker()
    try stack.kill(.redis)
    #expect(eventually(within: 10) { !worker.events("recovery_blind").isEmpty })
    try stack.restart(.redis)
    #expect(
      eventually(within: 30) { !worker.events("recovery_done").isEmpty }, "\(worker.process.tail)")
    #expect(worker.events("recovery_blind").count == 1)
    #expect(worker.events("recovery_sees_again").count == 1)
    let reason = worker.events("recovery_needed").first?["reason"] as? String
    #expect(reason?.contains("restarted") == true)
    #expect(try lost.differences() == [])
    #expect(try worker.process.terminate() == .exited(0))
  }

  /// Long enough without Postgres that tries are further apart than looks.
  @Test func aWorkerThatWasLongWithoutPostgresRecoversRedis() throws {
    let stack = try LocalStack.start()
    defer { stack.end() }
    let lost = try LostRedis(stack, seed: 60)
    let worker = try lost.worker()
    try stack.kill(.postgres)
    let outageEnds = MonotonicTime.after(ms: 5_000)
    #expect(eventually(within: 10) { !worker.events("recovery_blind").isEmpty })
    #expect(eventually(within: 10) { outageEnds <= .now })
    try stack.restart(.postgres)
    try lost.flush()
    #expect(
      eventually(within: 30) { !worker.events("recovery_done").isEmpty }, "\(worker.process.tail)")
    #expect(worker.events("recovery_sees_again").count == 1)
    #expect(try lost.differences() == [])
    #expect(try worker.process.terminate() == .exited(0))
  }

  @Test func aWorkerThatIsToldToEndLeavesItsRecoveryToTheNext() throws {
    let lost = try LostRedis(LocalStack.shared(), seed: 59)
    let worker = try lost.worker(["SLIDING_STOCK_RECOVERY_EXTRA_WAIT_MS": "60000"])
    try lost.flush()
    #expect(
      eventually(within: 30) {
        worker.events("recovery_step").contains { $0["step"] as? String == "outbox" }
      }, "\(worker.process.tail)")
    #expect(try worker.process.terminate() == .exited(0))
    #expect(worker.events("recovery_stopped").first?["step"] as? String == "wait")
    #expect(worker.events("recovery_failed").isEmpty)
    let next = try lost.worker()
    #expect(eventually(within: 30) { !next.events("recovery_done").isEmpty })
    #expect(try lost.differences() == [])
    #expect(try next.process.terminate() == .exited(0))
  }

  @Test func ofTwoWorkersOneRecovers() throws {
    let lost = try LostRedis(LocalStack.shared(), seed: 52)
    let hold = temporaryFile()
    let workers = try (1...2).map { _ in
      try lost.worker([
        "SLIDING_STOCK_TEST_HOLD": "wait", "SLIDING_STOCK_TEST_HOLD_UNTIL": hold,
      ])
    }
    defer { unlink(hold) }
    func count(_ event: String) -> Int { workers.map { $0.events(event).count }.reduce(0, +) }
    try lost.flush()
    #expect(eventually(within: 30) { count("test_hold") == 1 && count("recovery_elsewhere") == 1 })
    #expect(FileManager.default.createFile(atPath: hold, contents: nil))
    #expect(eventually(within: 40) { count("recovery_done") == 1 })
    #expect(try lost.differences() == [])
    #expect(try lost.epoch() <= 3)
    #expect(count("recovery_elsewhere") <= 2)
    for worker in workers { #expect(try worker.process.terminate() == .exited(0)) }
  }

  /// Killed before any of its steps, the next one finishes; what the dead one left is gone.
  @Test func killedAtAnyStepTheNextFinishes() throws {
    let lost = try LostRedis(LocalStack.shared(), seed: 53)
    let worker = try lost.worker(isWatching: false)
    for step in [
      "lock", "epoch", "control", "outbox", "wait", "barriers", "apply", "rebuild", "swap", "fence",
    ] {
      try lost.flush()
      let first = try lost.recover([], ["SLIDING_STOCK_TEST_HOLD": step])
      #expect(eventually(within: 30) { first.said("test_hold") }, "\(step): \(first.tail)")
      first.signal(SIGKILL)
      try first.wait(within: 10)
      let next = try lost.recover(["--json"])
      #expect(try next.wait(within: 60) == .exited(0), "\(step): \(next.tail)")
      #expect(next.output.contains("\"recovered\":true"), "\(step)")
      #expect(try lost.differences() == [], "\(step)")
    }
    #expect(try lost.deployment.tables.differences(from: [lost.history]) == [])
    #expect(try worker.process.terminate() == .exited(0))
  }

  /// Stopped for longer than the lock's session may be idle, it loses the lock; woken up, it changes nothing more.
  @Test(arguments: ["wait", "swap", "fence"]) func aStoppedHolderIsHarmless(_ step: String) throws {
    let lost = try LostRedis(LocalStack.shared(), seed: 54)
    let worker = try lost.worker(isWatching: false)
    try lost.flush()
    let hold = temporaryFile()
    defer { unlink(hold) }
    let zombie = try lost.recover(
      [], ["SLIDING_STOCK_TEST_HOLD": step, "SLIDING_STOCK_TEST_HOLD_UNTIL": hold])
    #expect(eventually(within: 30) { zombie.said("test_hold") }, "\(zombie.tail)")
    zombie.signal(SIGSTOP)
    // Refused until the lock's session has ended.
    let isDone = try eventually(within: 30, everyMs: 200) {
      try lost.recover().wait(within: 60) == .exited(0)
    }
    #expect(isDone)
    #expect(try lost.differences() == [])
    let after = try lost.dump()
    #expect(FileManager.default.createFile(atPath: hold, contents: nil))
    zombie.signal(SIGCONT)
    #expect(try zombie.wait(within: 30) == .exited(3), "\(zombie.tail)")
    #expect(try lost.dump() == after)
    #expect(try worker.process.terminate() == .exited(0))
  }

  @Test func aDryRunChangesNothingAndWithoutNeedItIsRefused() throws {
    let lost = try LostRedis(LocalStack.shared(), seed: 55)
    let worker = try lost.worker(isWatching: false)
    func json(_ words: String...) throws -> [String: Any] {
      let process = try lost.recover(words + ["--json"])
      #expect(try process.wait(within: 30) == .exited(0), "\(process.tail)")
      return try JSONSerialization.jsonObject(with: Data(process.output.utf8)) as? [String: Any]
        ?? [:]
    }
    let whole = try lost.dump()
    #expect(try json("--dry-run")["needed"] as? Bool == false)
    let refused = try lost.recover()
    #expect(try refused.wait(within: 30) == .exited(1))
    #expect(refused.errorOutput.contains("--force"))
    #expect(try lost.dump() == whole)

    try lost.redis("HDEL", "stock:{1}:locks", "1", "2", "3")
    try lost.redis("HSET", "stock:{1}", "locks", "77")
    let before = try lost.dump()
    let told = try json("--dry-run")
    #expect(told["needed"] as? Bool == true)
    #expect((told["reason"] as? String)?.contains("77") == true)
    #expect(told["postgresEpoch"] as? Int == 1 && told["redisEpoch"] as? String == "1")
    #expect(told["activities"] as? [Int] == [1, 2] && told["waitMs"] as? Int == 1_100)
    #expect(told["running"] as? Bool == false)
    #expect((told["rows"] as? Int ?? 0) > 0)
    #expect(try lost.dump() == before)

    #expect(try json()["epoch"] as? Int == 2)
    #expect(try lost.differences() == [])
    #expect(try json("--force")["epoch"] as? Int == 3)
    #expect(try lost.differences() == [])
    #expect(try worker.process.terminate() == .exited(0))
  }

  /// An activity whose preparation was interrupted is dropped by a recovery and made again by its command; one that was
  /// committed as open and not yet opened in Redis is opened by the worker.
  @Test func whatWasBeingPreparedIsMadeAgain() throws {
    let lost = try LostRedis(LocalStack.shared(), seed: 56)
    let worker = try lost.worker()
    func create(_ words: String...) throws -> Subprocess {
      let process = try Subprocess(
        try builtProduct("StockSyncWorker"),
        ["activity", "create", "--id", "3", "--name", "P", "--stock", "5", "--closes", "+1h"]
          + words, environment: lost.deployment.environment)
      try process.wait(within: 30)
      return process
    }
    #expect(try create().output.contains("open"))
    _ = try lost.deployment.tables.texts(
      "UPDATE activity SET state = 'preparing' WHERE id = 3 RETURNING name")
    try lost.redis("HSET", "stock:{3}", "state", "preparing")
    try lost.flush()
    let early = try create()
    #expect(early.errorOutput.contains("lost"), "\(early.tail)")
    #expect(eventually(within: 30) { !worker.events("recovery_done").isEmpty })
    #expect(try lost.redis("EXISTS", "stock:{3}") == "0")
    let again = try create()
    #expect(again.output.contains("open"), "\(again.tail)")
    #expect(try lost.differences() == [])

    try lost.redis("HSET", "stock:{3}", "state", "preparing")
    #expect(
      try eventually(within: 10) { try lost.redis("HGET", "stock:{3}", "state") == "open" })
    #expect(try worker.process.terminate() == .exited(0))
  }

  /// What the old Redis had not published yet is applied, and the rebuilt one has it.
  @Test func theOutboxIsPublishedBeforeTheBarriers() throws {
    let lost = try LostRedis(LocalStack.shared(), seed: 57)
    let worker = try lost.worker(isWatching: false)
    let seq = lost.history.events.count + 1
    try lost.redis(
      "XADD", "stock:{2}:outbox", "\(seq)-0", "f", "\(seq)", "k", "c", "e", "1", "t", "1000", "d",
      "4 late late-1")
    try lost.redis("HSET", "stock:{1}", "epoch", "9")  // no other epoch: the highest counts
    let process = try lost.recover()
    #expect(try process.wait(within: 60) == .exited(0), "\(process.tail)")
    #expect(try lost.epoch() == 10)
    #expect(try lost.redis("HGET", "stock:{2}:locks", "4") == "late late-1 \(seq) 1")
    #expect(try lost.redis("XLEN", "stock:{2}:outbox") == "0")
    #expect(try lost.differences() == [])
    #expect(try worker.process.terminate() == .exited(0))
  }

  /// It stays out of Postgres, and the damaged Redis is opened again.
  @Test func anEpochThatCannotBeOneIsSaidAndLeft() throws {
    let lost = try LostRedis(LocalStack.shared(), seed: 60)
    let worker = try lost.worker(isWatching: false)
    try lost.redis("HSET", "stock:{1}", "epoch", "\(Int64.max)")
    try lost.redis("HSET", "stock:fence", "epoch", "\(Int64.max - 1)")
    let process = try lost.recover()
    #expect(try process.wait(within: 60) == .exited(0), "\(process.tail)")
    #expect(process.said("epoch_ignored"))
    #expect(try lost.epoch() == 2)
    #expect(try lost.differences() == [])
    #expect(try worker.process.terminate() == .exited(0))
  }

  private func temporaryFile() -> String { "/tmp/hold-\(UInt64.random(in: 0...UInt64.max))" }
}
