// DESIGN
// First sight is cheap: pages of slots are read from both sides as they are, and what looks different becomes a
// suspect; in a sale those are the claims on their way. Only suspects are read in the order that tells lag from loss
// (SlotView), some thousands at a time, so that memory stays small and a late Postgres is waited for once, not once
// a page. Nothing is judged by how long it took: what cannot be read in that order is not judged.

import KafkaClient
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

  /// Compares one activity, or all that Redis has to hold. Never throws: what was repaired before something failed
  /// must be told, so the failure stands in the report.
  func run(only: ActivityID? = nil, firstSeen: inout FirstSeen) -> ReconcileReport {
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
    } catch {
      ledger.report.fail(error)
    }
    // Over a broken connection each repair would wait for nothing.
    ledger.settle(repairing: ledger.report.failure == nil)
    ledger.report.tookMs = MonotonicTime.now.microseconds(since: began) / 1_000
    let seen = ledger.report.findings.map { ($0.difference.key, $0.difference.sinceMs!) }
    // What was not judged this time may still be there.
    if ledger.report.notJudged == nil || firstSeen.count > ReconcileReport.findingLimit {
      firstSeen.removeAll()
    }
    firstSeen.merge(seen, uniquingKeysWith: min)
    return ledger.report
  }

  private func run(_ only: ActivityID?, _ ledger: Ledger) throws {
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

  private func compare(_ id: ActivityID, _ epoch: Int64, _ ledger: Ledger) throws {
    guard let stock = try postgres.surplus(id) else { return }
    if stock.surplus != stock.total - stock.held {
      ledger.tell(
        Finding(
          difference: Difference(
            kind: .surplusDiffers, activity: id.value, side: .postgres,
            detail: "stock \(stock.total), surplus \(stock.surplus), rows held \(stock.held)")))
    }
    guard let total = try redis.total(id) else {
      throw RedisSide.Untrusted(description: "activity \(id) went away while it was read")
    }
    if total != stock.total {
      ledger.tell(
        Finding(
          difference: Difference(
            kind: .totalDiffers, activity: id.value, side: .both,
            detail: "stock \(stock.total), in Redis \(total)")))
    }
    var suspects: Set<RedisSide.Wanted> = []
    func judgeSuspects(_ limit: Int) throws {
      if suspects.count < limit { return }
      ledger.report.suspects += suspects.count
      try judge(id, Array(suspects), epoch, ledger)
      suspects.removeAll(keepingCapacity: true)
    }
    let last = min(max(stock.total, total), StockLimits.total.upperBound)
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
    var holders: [String: [(slot: Int64, lock: LockRecord)]] = [:]
    for (slot, lock) in zip(range, locks) {
      if lock != expected[slot] { suspects.insert(RedisSide.Wanted(slot: slot)) }
      if let held = lock.flatMap({ LockRecord(text: $0) }) {
        holders[held.user, default: []].append((slot, held))
      }
    }
    let users = Array(holders.keys)
    for (user, record) in zip(users, try redis.records(id, users)) {
      let claims = record.flatMap { ClaimRecord.list($0) } ?? []
      for (slot, lock) in holders[user]!
      where !claims.contains(where: { $0.slot == slot && $0.isHeld(by: user, lock) }) {
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
      if !claim.isHeld(by: user, lock.flatMap { LockRecord(text: $0) }) {
        suspects.insert(RedisSide.Wanted(slot: claim.slot, user: user))
      }
    }
    return next
  }
}
