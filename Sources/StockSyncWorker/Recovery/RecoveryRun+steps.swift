import Log
import PostgresClient
import RedisClient
import Stock
import StockRecords
import Threads

/// The steps that are more than one call.
extension RecoveryRun {
  private static let outboxPage = 500
  /// The next one is still a number.
  static let highestSeq = Int64.max - 1

  func takeLock() throws -> RecoveryFlow.Event {
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

  func advanceEpoch() throws -> RecoveryFlow.Event {
    var control = try openKafka().highestEpoch(until: tryDeadline, breathe)
    if control > KnownEpoch.range.upperBound {
      ignoreEpoch("topic \(settings.controlTopic)", "\(control)")
      control = 0
    }
    let redis = try RecoveryRedis(settings.redis).highestEpoch(ignored: ignoreEpoch)
    guard let epoch = try heldTables().advanceEpoch(above: max(control, redis)) else {
      return .refused("no epoch is left above the highest known one")
    }
    journal.count("epoch", epoch)
    return .epochAdvanced(epoch)
  }

  private func ignoreEpoch(_ place: String, _ text: String) {
    if !ignoredEpochs.insert(place).inserted { return }
    log.error(
      "epoch_ignored",
      [
        "place": .string(place), "found": .string(text),
        "next": "the recovery goes on without it: it cannot be an epoch",
      ])
  }

  /// Of every activity that Redis lists or Postgres has open. What cannot be read is said and left: it is lost to the
  /// rebuild all the same.
  func publishOutbox() throws {
    let kafka = try openKafka()
    let redis = try RecoveryRedis(settings.redis)
    let open = try heldTables().open(retentionHours: settings.retentionHours).activities
    for id in Set(open).union(try redis.listedActivities()).sorted() {
      var seq: Int64 = 0
      while true {
        let entries = try redis.outbox(id, above: seq, limit: Self.outboxPage)
        for entry in entries {
          seq = max(seq, Self.lastSeq(entry))
          try publish(entry, id, kafka)
        }
        // Past the highest that can be asked for, there is nothing of ours.
        if entries.isEmpty || seq == Self.highestSeq { break }
        try progress()
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

  /// Of an entry's id, at most `highestSeq`: Redis' ids go further.
  static func lastSeq(_ entry: RedisReply) -> Int64 {
    let seq = entry.elements?.first?.text?.split(separator: "-").first.flatMap { Int64($0) }
    return min(seq ?? highestSeq, highestSeq)
  }

  func awaitBarriers(_ epoch: Int64, _ partitions: Set<Int32>) throws {
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

  func stage(_ id: ActivityID, _ epoch: Int64) throws -> StagedActivity {
    let keys = StagedKeys.fresh(id, epoch: epoch)
    var staging = Staging(try connectedRedis(), keys)
    try staging.begin(epoch: epoch)
    let rebuilt = try heldTables().rebuild(id, topic: settings.topic) { chunk in
      try staging.add(chunk)
      touchedAt = .now  // each page is a word to Postgres
      try progress()
    }
    guard let rebuilt else { throw StepLate(description: "activity \(id) is not open any more") }
    try staging.flush()
    return StagedActivity(
      keys: keys, epoch: epoch, terms: rebuilt.terms, totals: rebuilt.totals)
  }

  func swap() throws -> RecoveryFlow.Event {
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

  func openFence(_ epoch: Int64, _ activities: [ActivityID]) throws -> RecoveryFlow.Event {
    let answer = try connectedRedis().openFence(epoch: epoch, activities)
    guard answer.word == "opened" else { return .refused("fence: \(answer)") }
    journal.count("removed", Int64(answer.detail) ?? 0)
    return .fenceOpened
  }
}

/// A step that cannot go on now.
struct StepLate: Error, CustomStringConvertible {
  let description: String
}
