// DESIGN
// First sight is cheap: pages of slots are read from both sides as they are, and what looks different becomes a
// suspect; in a sale those are the claims on their way. Only suspects are read in the order that tells lag from loss
// (SlotView), some thousands at a time, so that memory stays small and a late Postgres is waited for once, not once a page. Nothing
// is judged by how long it took: what cannot be read in that order is not judged.

import KafkaClient
import Log
import PostgresClient
import RedisClient
import Stock
import StockRecords
import Threads

/// One comparison of Redis with Postgres.
struct Reconciler {
  /// Why the rest cannot be judged now.
  struct NotJudged: Error {
    let reason: String
  }

  /// When a reconciliation of this process saw a difference first.
  typealias FirstSeen = [Difference.Key: Int64]

  private static let slotsPerPage: Int64 = 1_000

  let settings: ReconcileSettings
  let postgres: PostgresSide
  let redis: RedisSide
  let repairs: Bool
  /// Waits that many milliseconds; false when it has to stop.
  let pause: (Int) -> Bool

  /// Compares one activity, or all that Redis has to hold.
  func run(only: ActivityID? = nil, firstSeen: inout FirstSeen) throws -> ReconcileReport {
    let began = MonotonicTime.now
    let ledger = Ledger(repairs ? Repairer(settings, postgres, redis) : nil, firstSeen)
    do {
      try run(only, ledger)
    } catch let error as NotJudged {
      ledger.report.notJudged = error.reason
    } catch let error as RedisSide.Untrusted {
      ledger.report.notJudged = error.description
    } catch let error as KafkaError {
      ledger.report.notJudged = "Kafka \(error)"
    }
    ledger.settle()
    ledger.report.tookMs = MonotonicTime.now.microseconds(since: began) / 1_000
    firstSeen = Dictionary(
      ledger.report.findings.map { ($0.difference.key, $0.difference.sinceMs ?? wallClockMs()) },
      uniquingKeysWith: min)
    return ledger.report
  }

  private func run(
    _ only: ActivityID?, _ ledger: Ledger
  ) throws {
    let tables = RecoveryTables(postgres.connection)
    let known = try tables.open(retentionHours: settings.retentionHours)
    let server = try RecoveryRedis(settings.redis).view(of: known.activities)
    let epochAfter = try tables.epoch()
    if epochAfter != known.epoch { throw NotJudged(reason: "a recovery goes on") }
    if let need = RecoveryNeed.find(known, server, epochAfter: epochAfter) {
      ledger.tell(Finding(difference: Difference(need)))
      throw NotJudged(reason: "Redis needs recovery: \(need)")
    }
    if only == nil {
      // Redis first: an activity has a row before Redis hears of it.
      let listed = try redis.listed()
      let all = try postgres.activities(retentionHours: settings.retentionHours).all
      for id in listed where !all.contains(id) {
        ledger.tell(
          Finding(
            difference: Difference(
              kind: .activityUnknownToPostgres, activity: id.value, side: .redis)))
      }
    } else if let only, !known.activities.contains(only) {
      throw NotJudged(reason: "activity \(only) is not open in Postgres, or its retention is over")
    }
    for id in known.activities where only == nil || only == id {
      try compare(id, known.epoch, ledger)
      ledger.report.activities += 1
    }
  }

  private func compare(
    _ id: ActivityID, _ epoch: Int64, _ ledger: Ledger
  ) throws {
    guard let stock = try postgres.surplus(id) else { return }
    if stock.surplus != stock.total - stock.held {
      ledger.tell(
        Finding(
          difference: Difference(
            kind: .surplusDiffers, activity: id.value, side: .postgres,
            detail: "stock \(stock.total), surplus \(stock.surplus), rows held \(stock.held)")))
    }
    let total = try redis.total(id)
    if total != stock.total {
      ledger.tell(
        Finding(
          difference: Difference(
            kind: .totalDiffers, activity: id.value, side: .both,
            detail: "stock \(stock.total), in Redis \(total ?? 0)")))
    }
    var suspects: Set<RedisSide.Wanted> = []
    func judgeSuspects(_ limit: Int) throws {
      if suspects.count < limit { return }
      ledger.report.suspects += suspects.count
      try judge(id, Array(suspects), epoch, ledger)
      suspects.removeAll(keepingCapacity: true)
    }
    let last = min(max(stock.total, total ?? 0), StockLimits.total.upperBound)
    for first in stride(from: 1, through: last, by: Int64.Stride(Self.slotsPerPage)) {
      if !pause(0) { throw NotJudged(reason: "stopped") }
      let range = first...min(first + Self.slotsPerPage - 1, last)
      try lookAtLocks(id, range, &suspects)
      ledger.report.slots += Int64(range.count)
      try judgeSuspects(settings.suspectLimit)
    }
    var cursor = "0"
    repeat {
      if !pause(0) { throw NotJudged(reason: "stopped") }
      cursor = try lookAtUsers(id, cursor, &suspects)
      try judgeSuspects(settings.suspectLimit)
    } while cursor != "0"
    try judgeSuspects(1)
  }

  /// Locks against rows and holders' records, at first sight.
  private func lookAtLocks(
    _ id: ActivityID, _ range: ClosedRange<Int64>, _ suspects: inout Set<RedisSide.Wanted>
  ) throws {
    let locks = try redis.locks(id, range)
    let expected = try postgres.locks(id, range)
    var holders: [String: [(slot: Int64, request: String)]] = [:]
    for (slot, lock) in zip(range, locks) {
      if lock != expected[slot] { suspects.insert(RedisSide.Wanted(slot: slot)) }
      if let held = lock.flatMap({ LockRecord(text: $0) }) {
        holders[held.user, default: []].append((slot, held.request))
      }
    }
    let users = Array(holders.keys)
    for (user, record) in zip(users, try redis.records(id, users)) {
      let claims = record.flatMap { ClaimRecord.list($0) } ?? []
      for (slot, request) in holders[user]!
      where !claims.contains(where: { $0.slot == slot && $0.request == request && !$0.isReleased })
      {
        suspects.insert(RedisSide.Wanted(slot: slot, user: user))
      }
    }
  }

  /// A page of users against locks, at first sight; where to go on.
  private func lookAtUsers(
    _ id: ActivityID, _ cursor: String, _ suspects: inout Set<RedisSide.Wanted>
  ) throws -> String {
    let (next, records) = try redis.users(id, cursor: cursor)
    var claims: [(user: String, claim: ClaimRecord)] = []
    for (user, record) in records {
      guard let list = ClaimRecord.list(record) else {
        suspects.insert(RedisSide.Wanted(slot: 0, user: user))
        continue
      }
      for claim in list where !claim.isReleased { claims.append((user, claim)) }
    }
    let locks = try redis.locks(id, of: claims.map(\.claim.slot))
    for ((user, claim), lock) in zip(claims, locks) {
      let held = lock.flatMap { LockRecord(text: $0) }
      if held?.user != user || held?.request != claim.request {
        suspects.insert(RedisSide.Wanted(slot: claim.slot, user: user))
      }
    }
    return next
  }

  /// Reads suspects in the order that tells lag from loss.
  private func judge(
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
    rows = try postgres.rows(id, before.keys.sorted())
    before = before.filter { Self.differs($0.value, rows[$0.key]) }
    let slots = before.keys.sorted()
    let letters = try postgres.letters(id, slots)
    for after in try redis.look(id, slots.map { RedisSide.Wanted(slot: $0) }, epoch: epoch) {
      let slot = after.wanted.slot
      guard let before = before[slot], before.lock == after.lock, !after.isWaiting else { continue }
      let view = SlotView(
        activity: id, slot: slot, lock: after.lock, row: rows[slot], letters: letters[slot] ?? [],
        seqBefore: before.seq, seqAfter: after.seq, epoch: epoch)
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

extension Difference {
  /// What recovery needs, as a difference.
  init(_ need: RecoveryNeed) {
    let (kind, activity): (Kind, ActivityID?) =
      switch need {
      case .fenceMissing, .otherServer, .epoch: (.fence, nil)
      case .activityOfOtherServer(let id), .activityEpoch(let id, _, _): (.fence, id)
      case .activityMissing(let id), .activityIncomplete(let id): (.activityMissingInRedis, id)
      case .locksDiffer(let id, _, _): (.locksCount, id)
      case .outboxDiffers(let id, _, _): (.outboxCount, id)
      }
    self.init(
      kind: kind, activity: activity?.value ?? 0, side: .redis, detail: need.description)
  }
}
