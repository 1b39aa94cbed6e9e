import Stock
import StockRecords

// DESIGN
// What may be said about a slot hangs on the order of the reads, never on how long something took:
//   1 Redis: lock, seq, and whether the lock's event is in the outbox. What has left it was acknowledged by Kafka.
//   2 the ends of all partitions, so behind every event that 1 found acknowledged
//   3 Postgres, once it has applied past those ends: what is missing now is missing
//   4 Redis again: only a lock that is still the very same counts; no seq comes twice, so nothing was in between
// A slot that is free in 1 and 4 may have been claimed and given back meanwhile; its row then has a seq that Redis
// issued between 1 and 4, and is not judged.

/// One slot as both sides hold it, and as it stayed while they were read.
struct SlotView: Equatable, Sendable {
  /// A slot's row.
  struct Row: Equatable, Sendable {
    var seq: Int64
    var isClaimed: Bool
    var user: String
    var request: String
    var epoch: Int64
    var eventMs: Int64
  }

  /// A dead letter with the slot's key.
  struct Letter: Equatable, Sendable {
    var event: StockEvent?
    var reason: String
    var resolution: StoredLetter.Resolution
    var firstSeenMs: Int64
    var partition: Int32
    var offset: Int64

    var place: String { "\(partition)/\(offset)" }
  }

  var activity: ActivityID
  var slot: Int64
  /// As Redis has it; nil: free.
  var lock: String?
  var row: Row?
  var letters: [Letter] = []
  /// The activity's seq in Redis at the first and at the last read.
  var seqBefore: Int64 = 0
  var seqAfter: Int64 = 0
  /// The slot of the row that the request of a lock that is being released has, if it has one.
  var ownSlot: Int64?
  /// The deployment's; older events would be void if they were published again.
  var epoch: Int64 = 0

  /// What is wrong with it, or nil.
  var difference: Difference? {
    guard let lock else { return differenceOfFree }
    guard let held = LockRecord(text: lock) else {
      return made(.lockUnreadable, .redis, detail: "lock '\(lock.prefix(200))'")
    }
    if held.user == Rebuild.nobody.user { return differenceOfNobodys }
    if held.isReleasing { return stuck(held) }
    guard let row, row.seq >= held.seq else { return unapplied(held) }
    let isSame = row.user == held.user && row.request == held.request
    if row.seq > held.seq {
      return made(.redisOlder, .both, row, detail: "Redis is at seq \(held.seq)")
    }
    if isSame && row.isClaimed { return nil }
    return made(
      .otherHolder, .both, held,
      detail: "Postgres: \(row.isClaimed ? "claimed" : "released") by \(row.user) \(row.request)")
  }

  private var differenceOfFree: Difference? {
    guard let row, row.isClaimed else { return nil }
    // Claimed and given back between the reads of Redis.
    if row.seq > seqBefore && row.seq <= seqAfter { return nil }
    let release = letters.first {
      $0.resolution == .unresolved && $0.event?.kind == .released && $0.event?.user == row.user
        && $0.event?.request == row.request
    }
    if let release {
      return made(
        .releaseIsDeadLetter, .postgres, row,
        detail: "dead letter \(release.place), \(release.reason)")
    }
    return made(.postgresOnly, .postgres, row, detail: "Redis is at seq \(seqAfter)")
  }

  private var differenceOfNobodys: Difference {
    if let letter = letters.first(where: { $0.resolution == .unresolved }) {
      return made(.heldByDeadLetter, letter)
    }
    if let letter = letters.first(where: { $0.resolution == .discarded }) {
      return made(.heldByDiscardedLetter, letter)
    }
    return made(.lockUnreadable, .redis, detail: "held for a dead letter that is not there")
  }

  private func stuck(_ held: LockRecord) -> Difference {
    if let row, row.seq > held.seq {
      return made(.redisOlder, .both, row, detail: "Redis is at seq \(held.seq)")
    }
    // Published again it would be refused again.
    if !hasApplied(held), let letter = letter(of: held) {
      if letter.resolution == .unresolved { return made(.releaseIsDeadLetter, letter, held) }
      if letter.resolution == .discarded { return made(.heldByDiscardedLetter, letter, held) }
    }
    return made(
      .releasingStuck, .redis, held,
      detail: hasApplied(held) ? "Postgres has applied the release" : "Postgres lacks the release")
  }

  /// Whether Postgres has done what the release that a lock waits for asks of it. That is nothing where the request
  /// holds another slot: this one's claim was rejected for it, and no row tells of its giving back.
  func hasApplied(_ releasing: LockRecord) -> Bool {
    guard releasing.isReleasing else { return false }
    if let ownSlot, ownSlot != slot { return true }
    guard let row else { return false }
    return row.seq == releasing.seq && !row.isClaimed && row.user == releasing.user
      && row.request == releasing.request
  }

  /// Kafka has acknowledged the claim, Postgres is past that and has an older row or none.
  private func unapplied(_ held: LockRecord) -> Difference {
    if let letter = letter(of: held) {
      if letter.resolution == .discarded {
        return made(.heldByDiscardedLetter, letter, held)
      }
      if letter.resolution == .unresolved {
        return letter.reason == DeadLetter.Reason.requestHasOtherSlot.rawValue
          ? made(.requestHasOtherSlot, letter, held) : made(.heldByDeadLetter, letter, held)
      }
    }
    guard let row else { return made(.redisOnly, .redis, held, detail: voidness(held)) }
    if row.isClaimed {
      return made(
        .otherHolder, .both, held,
        detail: "Postgres: claimed by \(row.user) \(row.request) seq \(row.seq)")
    }
    return made(
      .postgresOlder, .both, held, detail: "Postgres is at seq \(row.seq)" + voidness(held))
  }

  private func voidness(_ held: LockRecord) -> String {
    held.epoch < epoch ? " of an older epoch: published again it would be void" : ""
  }

  /// The letter of the very event that made the lock.
  func letter(of held: LockRecord) -> Letter? {
    letters.first {
      guard let event = $0.event else { return false }
      return (event.kind == .released) == held.isReleasing && event.seq == held.seq
        && event.user == held.user && event.request == held.request
    }
  }

  private func made(_ kind: Difference.Kind, _ side: Difference.Side, detail: String) -> Difference
  {
    Difference(kind: kind, activity: activity.value, slot: slot, side: side, detail: detail)
  }

  private func made(
    _ kind: Difference.Kind, _ side: Difference.Side, _ held: LockRecord, detail: String
  ) -> Difference {
    Difference(
      kind: kind, activity: activity.value, slot: slot, side: side, user: held.user,
      request: held.request, seq: held.seq, epoch: held.epoch, detail: detail)
  }

  private func made(
    _ kind: Difference.Kind, _ side: Difference.Side, _ row: Row, detail: String
  ) -> Difference {
    Difference(
      kind: kind, activity: activity.value, slot: slot, side: side, sinceMs: row.eventMs,
      user: row.user, request: row.request, seq: row.seq, epoch: row.epoch, detail: detail)
  }

  private func made(_ kind: Difference.Kind, _ letter: Letter, _ held: LockRecord? = nil)
    -> Difference
  {
    Difference(
      kind: kind, activity: activity.value, slot: slot, side: .redis,
      sinceMs: letter.event?.timeMs ?? letter.firstSeenMs, user: held?.user ?? "",
      request: held?.request ?? "", seq: held?.seq, epoch: held?.epoch,
      detail: "dead letter \(letter.place), \(letter.reason)")
  }
}
