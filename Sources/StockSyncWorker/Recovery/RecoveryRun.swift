import Log
import PostgresClient
import RedisClient
import Stock
import StockRecords
import Threads

#if TEST_SWITCHES
  import TestHolds
#endif

// DESIGN
// Carries out what RecoveryFlow says, one action at a time, on one thread. The advisory lock lives as long as its
// Postgres session, which ends by itself when nothing is heard of it: whatever waits here breathes in between,
// and any error of Postgres ends the attempt, for the lock may be somebody else's then.

/// One attempt at a recovery.
final class RecoveryRun {
  /// For one try of a step that waits for Kafka; a step has several within its limit.
  private static let tryMs = 30_000

  let settings: RecoverySettings
  let log: Log
  /// Waits until then, or for the process's end; false: it ends.
  let sleep: (MonotonicTime) -> Bool
  let isForced: Bool

  var flow: RecoveryFlow
  var tables: RecoveryTables?
  private var redis: RecoveryRedis?
  private var kafka: RecoveryKafka?
  var staged: StagedActivity?
  var touchedAt = MonotonicTime.now
  var journal: RecoveryJournal
  /// Places whose epoch was said to be none.
  var ignoredEpochs: Set<String> = []

  /// The process ends.
  struct Stopping: Error {}

  /// `isForced`: recovers though nothing asks for it.
  init(
    _ settings: RecoverySettings, log: Log, isForced: Bool,
    sleep: @escaping (MonotonicTime) -> Bool
  ) {
    self.settings = settings
    self.log = log
    self.isForced = isForced
    self.sleep = sleep
    flow = RecoveryFlow(
      timing: settings.timing, partitions: Array(0..<settings.partitions), now: .now)
    journal = RecoveryJournal(log)
  }

  /// Runs it to its end.
  func run() -> RecoveryFlow.Ending {
    defer { close() }
    var action = flow.next
    while true {
      if case .end(let ending) = action {
        journal.end(ending)
        return ending
      }
      #if TEST_SWITCHES
        if let name = action.holdName { TestHold.reach(name, log) }
      #endif
      let step = flow.step
      let event = carryOut(action)
      action = flow.handle(event, now: .now)
      journal.note(event, of: step, next: flow.step)
    }
  }

  private func close() {
    tables?.connection.close()  // first: the lock is free while Kafka's clients end
    redis = nil
    kafka?.close()
  }

  private func carryOut(_ action: RecoveryFlow.Action) -> RecoveryFlow.Event {
    do {
      return try perform(action)
    } catch let error as PostgresError {
      return .lockLost(error.description)
    } catch is Stopping {
      return .stopping
    } catch {
      return .failed("\(error)")
    }
  }

  private func perform(_ action: RecoveryFlow.Action) throws -> RecoveryFlow.Event {
    switch action {
    case .takeLock: return try takeLock()
    case .advanceEpoch: return try advanceEpoch()
    case .writeControl(let epoch):
      try openKafka().writeEpoch(epoch, until: tryDeadline, breathe)
      return .controlAcknowledged
    case .publishOutbox:
      try publishOutbox()
      return .outboxPublished
    case .wait(let until):
      try rest(until: until)
      return .waited
    case .writeBarriers(let epoch, let partitions):
      try openKafka().writeBarriers(
        Barrier(epoch: epoch, timeMs: wallClockMs()), into: partitions, until: tryDeadline, breathe)
      journal.count("partitions", Int64(partitions.count))
      return .barriersAcknowledged
    case .awaitBarriers(let epoch, let partitions):
      try awaitBarriers(epoch, Set(partitions))
      return .barriersApplied
    case .connect:
      redis = nil
      redis = try RecoveryRedis(settings.redis)
      return .connected(
        try heldTables().open(retentionHours: settings.retentionHours).activities)
    case .stage(let id, let epoch):
      staged = try stage(id, epoch)
      return .staged
    case .swap: return try swap()
    case .openFence(let epoch, let activities): return try openFence(epoch, activities)
    case .pause(let until):
      try rest(until: until)
      return .paused
    case .end: preconditionFailure("nothing is left to do")
    }
  }

  // MARK: What it holds

  func heldTables() -> RecoveryTables {
    guard let tables else { preconditionFailure("the lock is not held") }
    return tables
  }

  /// The connection that the identity was read on. After an error of its own it says so to every call.
  func connectedRedis() throws(RedisError) -> RecoveryRedis {
    guard let redis else { throw RedisError(.closed, "not connected") }
    return redis
  }

  func openKafka() throws -> RecoveryKafka {
    if let kafka { return kafka }
    let made = try RecoveryKafka(settings, sliceMs: sliceMs, log: log)
    kafka = made
    try breathe()
    return made
  }

  // MARK: Time

  var sliceMs: Int { max(20, settings.touchMs / 2) }

  var tryDeadline: MonotonicTime {
    .after(ms: min(Self.tryMs, max(1, Int(flow.stepDeadline.milliseconds(since: .now)))))
  }

  /// Keeps the lock's session awake.
  func breathe() throws {
    if !sleep(.now) { throw Stopping() }
    guard let tables, touchedAt.adding(ms: settings.touchMs / 2) <= .now else { return }
    try tables.touch()
    touchedAt = .now
  }

  /// The same within a step that may become too long.
  func progress() throws {
    try breathe()
    if flow.stepDeadline <= .now { throw StepLate(description: "it takes longer than its limit") }
  }

  func pause(until: MonotonicTime) throws {
    if !sleep(until) { throw Stopping() }
  }

  func rest(until: BootTime) throws {
    while true {
      try breathe()
      let left = until.milliseconds(since: .now) + 1
      if until <= .now { return }
      try pause(until: .after(ms: min(sliceMs, Int(left))))
    }
  }
}
