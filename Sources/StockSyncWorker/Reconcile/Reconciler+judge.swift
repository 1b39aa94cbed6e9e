import KafkaClient
import PostgresClient
import RedisClient
import Stock
import StockRecords
import Threads

extension Reconciler {
  /// Reads suspects in the order that tells lag from loss.
  func judge(
    _ id: ActivityID, _ wanted: [RedisSide.Wanted], _ epoch: Int64, _ ledger: Ledger
  ) throws {
    let first = try redis.look(id, wanted, epoch: epoch)
    for found in first {
      guard let user = found.wanted.user else { continue }
      let view = UserView(
        activity: id, slot: found.wanted.slot, lock: found.lock, record: found.record, user: user)
      if let difference = view.difference {
        ledger.tell(Finding(difference: difference, lock: found.lock))
      }
    }
    // What is in the outbox is on its way.
    var before: [Int64: RedisSide.Found] = [:]
    for found in first where found.wanted.user == nil && !found.isWaiting {
      before[found.wanted.slot] = found
    }
    var rows = try postgres.rows(id, before.keys.sorted())
    before = before.filter { Self.differs($0.value, rows[$0.key]) }
    if before.isEmpty { return }

    let ends = try KafkaAdmin.endOffsets(
      settings.kafka, topic: settings.topic, partitions: settings.partitions,
      timeoutMs: settings.kafkaTimeoutMs)
    try waitUntilApplied(ends)
    // Letters before rows: one that is replayed in between is then seen as unresolved beside its row, and not as
    // replayed without one.
    let letters = try postgres.letters(id, before.keys.sorted())
    rows = try postgres.rows(id, before.keys.sorted())
    before = before.filter { Self.differs($0.value, rows[$0.key]) }
    let slots = before.keys.sorted()
    for after in try redis.look(id, slots.map { RedisSide.Wanted(slot: $0) }, epoch: epoch) {
      let slot = after.wanted.slot
      guard let before = before[slot], before.lock == after.lock, !after.isWaiting else { continue }
      var view = SlotView(
        activity: id, slot: slot, lock: after.lock, row: rows[slot], letters: letters[slot] ?? [],
        seqBefore: before.seq, seqAfter: after.seq, epoch: epoch)
      if let held = after.lock.flatMap({ LockRecord(text: $0) }), held.isReleasing {
        view.ownSlot = try postgres.ownSlot(id, user: held.user, request: held.request)
      }
      if let difference = view.difference {
        ledger.tell(Finding(difference: difference, lock: after.lock, view: view))
      }
    }
  }

  private static func differs(_ found: RedisSide.Found, _ row: SlotView.Row?) -> Bool {
    guard let row, row.isClaimed else { return found.lock != nil }
    return found.lock != "\(row.user) \(row.request) \(row.seq) \(row.epoch)"
  }

  private func waitUntilApplied(_ ends: [Int32: Int64]) throws {
    let deadline = MonotonicTime.after(ms: settings.waitMs)
    while true {
      let next = try postgres.positions()
      if ends.allSatisfy({ $0.value <= next[$0.key] ?? 0 }) { return }
      if deadline <= .now { throw NotJudged(reason: "Postgres is behind Kafka") }
      if !pause(min(50, max(1, deadline.remainingMs))) { throw NotJudged(reason: "stopped") }
    }
  }
}
