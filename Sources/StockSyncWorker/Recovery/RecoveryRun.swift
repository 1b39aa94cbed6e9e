import Log
import PostgresClient
import RedisClient
import Stock
import StockRecords
import Threads

// DESIGN
// Carries out what RecoveryFlow says, one action at a time, on one thread. The advisory lock lives as long as its
// Postgres session, which ends by itself when nothing is heard of it: whatever waits here breathes in between,
// and any error of Postgres ends the attempt, for the lock may be somebody else's then.

/// One attempt at a recovery.
final class RecoveryRun {
  /// For one try of a step that waits for Kafka; a step has several within its limit.
  private static let tryMs = 30_000
  private static let outboxPage = 500

  private let settings: RecoverySettings
  private let log: Log
  /// Waits until then, or for the process's end; false: it ends.
  private let sleep: (MonotonicTime) -> Bool
  private let isForced: Bool

  private var flow: RecoveryFlow
  private var tables: RecoveryTables?
  private var redis: RecoveryRedis?
  private var kafka: RecoveryKafka?
  private var staged: StagedActivity?
  private var touchedAt = MonotonicTime.now
  private var journal: RecoveryJournal

  /// The process ends.
  private struct Stopping: Error {}

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
    kafka?.close()
    redis = nil
    tables?.connection.close()
  }

  private func carryOut(_ action: RecoveryFlow.Action) -> RecoveryFlow.Event {
    do {
      return try perform(action)
    } catch let error as PostgresError {
      return .lockLost(error.description)
    } catch is Stopping {
      return .lockLost("this process is ending")
    } catch {
      return .failed("\(error)")
    }
  }

  private func perform(_ action: RecoveryFlow.Action) throws -> RecoveryFlow.Event {
    switch action {
    case .takeLock: return try takeLock()
    case .advanceEpoch: return .epochAdvanced(try advanceEpoch())
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

  private func takeLock() throws -> RecoveryFlow.Event {
    let tables = try RecoveryTables.session(settings)
    guard try tables.tryLock() else {
      tables.connection.close()
      return .lockIsTaken
    }
    self.tables = tables
    touchedAt = .now
    if isForced { return .locked(isNeeded: true) }
    let look = try RecoveryLook(tables, settings)
    if let need = look.need { journal.begin(need) }
    return .locked(isNeeded: look.need != nil)
  }

  private func advanceEpoch() throws -> Int64 {
    let control = try openKafka().highestEpoch(until: tryDeadline, breathe)
    let redis = try RecoveryRedis(settings.redis).highestEpoch()
    let epoch = try heldTables().advanceEpoch(above: max(control, redis))
    journal.count("epoch", epoch)
    return epoch
  }

  /// Of every activity that Redis lists or Postgres has open. What cannot be read is said and left: it is lost to the
  /// rebuild all the same.
  private func publishOutbox() throws {
    let kafka = try openKafka()
    let redis = try RecoveryRedis(settings.redis)
    let open = try heldTables().open(retentionHours: settings.retentionHours).activities
    for id in Set(open).union(try redis.listedActivities()).sorted() {
      var seq: Int64 = 0
      while true {
        let entries = try redis.outbox(id, above: seq, limit: Self.outboxPage)
        if entries.isEmpty { break }
        for entry in entries {
          seq = max(seq, Self.lastSeq(entry) ?? .max - 1)
          try publish(entry, id, kafka)
        }
        try breathe()
      }
    }
    try kafka.settle(until: tryDeadline, breathe)
  }

  private func publish(_ entry: RedisReply, _ id: ActivityID, _ kafka: RecoveryKafka) throws {
    do {
      let record = try OutboxRecord(entry, of: id)
      try kafka.publish(record.events, until: tryDeadline, breathe)
      journal.count("events", Int64(record.events.count))
    } catch let error as OutboxRecord.Unreadable {
      log.error(
        "outbox_unreadable",
        [
          "activity": .int(id.value), "entry": .string(error.id), "error": .string(error.reason),
        ])
    }
  }

  private static func lastSeq(_ entry: RedisReply) -> Int64? {
    entry.elements?.first?.text?.split(separator: "-").first.flatMap { Int64($0) }
  }

  private func awaitBarriers(_ epoch: Int64, _ partitions: Set<Int32>) throws {
    while true {
      let passed = try heldTables().passedBarriers(epoch, topic: settings.topic)
      touchedAt = .now
      let missing = partitions.subtracting(passed)
      if missing.isEmpty { return }
      journal.waiting(for: missing)
      if flow.stepDeadline <= .now {
        throw StepLate(description: "partitions \(missing.sorted()) were not applied in time")
      }
      try pause(until: .after(ms: min(sliceMs, 100)))
    }
  }

  private func stage(_ id: ActivityID, _ epoch: Int64) throws -> StagedActivity {
    let keys = StagedKeys.fresh(id, epoch: epoch)
    var staging = Staging(try connectedRedis(), keys)
    try staging.begin(epoch: epoch)
    let rebuilt = try heldTables().rebuild(id, topic: settings.topic) { chunk in
      try staging.add(chunk)
      if !sleep(.now) { throw Stopping() }
    }
    touchedAt = .now
    guard let rebuilt else { throw StepLate(description: "activity \(id) is not open any more") }
    try staging.flush()
    return StagedActivity(
      keys: keys, epoch: epoch, terms: rebuilt.terms, totals: rebuilt.totals)
  }

  private func swap() throws -> RecoveryFlow.Event {
    guard let staged else { preconditionFailure("nothing is staged") }
    let answer = try connectedRedis().swap(staged)
    guard answer.word == "swapped" else {
      return .refused("swap of activity \(staged.keys.activity): \(answer)")
    }
    journal.count("activities", 1)
    journal.count("locks", staged.totals.locks)
    journal.count("users", staged.totals.users)
    self.staged = nil
    return .swapped
  }

  private func openFence(_ epoch: Int64, _ activities: [ActivityID]) throws -> RecoveryFlow.Event {
    let answer = try connectedRedis().openFence(epoch: epoch, activities)
    guard answer.word == "opened" else { return .refused("fence: \(answer)") }
    journal.count("removed", Int64(answer.detail) ?? 0)
    return .fenceOpened
  }

  // MARK: What it holds

  private func heldTables() throws(PostgresError) -> RecoveryTables {
    guard let tables else { preconditionFailure("the lock is not held") }
    return tables
  }

  /// The connection that the identity was read on. After an error of its own it says so to every call.
  private func connectedRedis() throws(RedisError) -> RecoveryRedis {
    guard let redis else { throw RedisError(.closed, "not connected") }
    return redis
  }

  private func openKafka() throws -> RecoveryKafka {
    if let kafka { return kafka }
    let made = try RecoveryKafka(settings, sliceMs: sliceMs, log: log)
    kafka = made
    try breathe()
    return made
  }

  // MARK: Time

  private var sliceMs: Int { max(20, settings.touchMs / 2) }

  private var tryDeadline: MonotonicTime {
    .after(ms: min(Self.tryMs, max(1, Int(flow.stepDeadline.milliseconds(since: .now)))))
  }

  /// Keeps the lock's session awake.
  private func breathe() throws {
    if !sleep(.now) { throw Stopping() }
    guard let tables, touchedAt.adding(ms: settings.touchMs / 2) <= .now else { return }
    try tables.touch()
    touchedAt = .now
  }

  private func pause(until: MonotonicTime) throws {
    if !sleep(until) { throw Stopping() }
  }

  private func rest(until: BootTime) throws {
    while true {
      try breathe()
      let left = until.milliseconds(since: .now) + 1
      if until <= .now { return }
      try pause(until: .after(ms: min(sliceMs, Int(left))))
    }
  }
}

/// A step that cannot go on now.
private struct StepLate: Error, CustomStringConvertible {
  let description: String
}
