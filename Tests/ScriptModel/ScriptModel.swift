internal import RedisClient

/// What the scripts about one activity promise, written from their contracts with plain loops, a claim at a
/// time and without regard to speed: what the real ones are held against. Time comes from their replies.
struct ScriptModel: Sendable {
  struct Lock {
    var user: String
    var request: String
    var seq: Int64
    var epoch: Int64
    var isReleasing = false
  }

  struct Claim {
    var request: String
    var slot: Int64
    var seq: Int64
    var isReleased = false
  }

  struct Event {
    var slot: Int64
    var user: String
    var request: String
  }

  struct Entry {
    var firstSeq: Int64
    var isRelease: Bool
    var epoch: Int64
    var timeMs: Int64
    var events: [Event]
    var lastSeq: Int64 { firstSeq + Int64(events.count) - 1 }
  }

  /// Who the server is, as INFO tells it.
  var identity = "run:replication"

  // stock:fence and stock:activities
  var serverEpoch: Int64? = 1
  var serverFence: String? = "run:replication"
  var isListed = true

  // stock:{A}
  var total: Int64 = 1
  var limit: Int64 = 1
  var opensMs: Int64 = 0
  var closesMs: Int64 = 1 << 50
  var state = "open"
  var epoch: Int64 = 1
  var fence = "run:replication"
  var seq: Int64 = 0
  /// The stored numbers of locks and of outbox entries.
  var lockCount = 0
  var outboxCount = 0
  /// Whatever stands there: it may have been tampered with. nil: nothing.
  var used: String? = "0"
  /// A field that was lost.
  var missingField: String?

  var locks: [Int64: Lock] = [:]
  var users: [String: [Claim]] = [:]
  var free: [String] = []
  var outbox: [Entry] = []

  /// How often each branch was taken.
  var hits: [Branch: Int] = [:]

  mutating func hit(_ branch: Branch) { hits[branch, default: 0] += 1 }

  // MARK: What all replies begin with

  func header(_ nowMs: Int64, first: Int64 = 0, last: Int64 = 0) -> [RedisReply] {
    [0, nowMs, epoch, first, last, Int64(outbox.count)].map(RedisReply.integer)
  }

  /// The whole reply where the call is refused.
  mutating func refusal(
    nowMs: Int64, notAfterMs: Int64 = .max, epochSeen: Int64
  ) -> [RedisReply]? {
    let known = isListed ? (missingField == nil ? epoch : nil) : serverEpoch
    let opened = isListed ? fence : serverFence
    var status: Int64 = 0
    var reason: Int64 = 0
    if serverEpoch == nil || serverFence == nil || known == nil {
      hit(missingField == nil ? .fencedByMissingFence : .fencedByMissingField)
      (status, reason) = (1, 1)
    } else if opened != identity {
      hit(isListed ? .fencedByIdentity : .fencedByServerIdentity)
      (status, reason) = (1, 2)
    } else if known! < epochSeen {
      hit(isListed ? .fencedByEpoch : .fencedByServerEpoch)
      (status, reason) = (1, 3)
    } else if isListed && locks.count != lockCount {
      hit(.fencedByLockCount)
      (status, reason) = (1, 4)
    } else if isListed && outbox.count != outboxCount {
      hit(.fencedByOutboxCount)
      (status, reason) = (1, 5)
    } else if nowMs > notAfterMs {
      hit(.late)
      status = 2
    } else if !isListed {
      hit(.unknownActivity)
      status = 3
    } else {
      if nowMs == notAfterMs { hit(.lateBoundary) }
      if known! == epochSeen { hit(.epochBoundary) }
      return nil
    }
    return [status, nowMs, reason == 1 ? 0 : known!, reason, 0, Int64(outbox.count)]
      .map(RedisReply.integer)
  }

  // MARK: Questions that several scripts ask

  func claim(of user: String, _ request: String) -> Claim? {
    users[user, default: []].first { $0.request == request }
  }

  func isWaiting(_ seq: Int64) -> Bool {
    outbox.contains { $0.firstSeq <= seq && seq <= $0.lastSeq }
  }

  /// The lock of that slot, if it is that request's.
  func lock(on slot: Int64, of user: String, _ request: String) -> Lock? {
    guard let lock = locks[slot], lock.user == user, lock.request == request else { return nil }
    return lock
  }

  // MARK: look.lua

  mutating func look(
    nowMs: Int64, epochSeen: Int64, requests: [(user: String, request: String)]
  ) -> [RedisReply] {
    if let refused = refusal(nowMs: nowMs, epochSeen: epochSeen) { return refused }
    var reply = header(nowMs)
    reply.append(.string(Array(state.utf8)))
    reply += [total, Int64(locks.count), opensMs, closesMs, limit].map(RedisReply.integer)
    for (user, request) in requests {
      reply += lookAt(user, request).map(RedisReply.integer)
    }
    return reply
  }

  private mutating func lookAt(_ user: String, _ request: String) -> [Int64] {
    guard let claim = claim(of: user, request) else {
      hit(.lookUnknown)
      return [5, 0, 0]
    }
    if claim.isReleased {
      hit(.lookReleased)
      return [4, claim.slot, claim.seq]
    }
    if let lock = lock(on: claim.slot, of: user, request), lock.isReleasing {
      hit(.lookReleasing)
      return [3, claim.slot, lock.seq]
    }
    if isWaiting(claim.seq) {
      hit(.lookUndecided)
      return [2, claim.slot, claim.seq]
    }
    hit(.lookDecided)
    return [1, claim.slot, claim.seq]
  }
}

/// What can happen in the scripts; a trial must have met each of them.
enum Branch: String, CaseIterable, Sendable {
  case fencedByMissingFence, fencedByMissingField, fencedByEpoch, fencedByServerEpoch
  case fencedByIdentity, fencedByServerIdentity, fencedByLockCount, fencedByOutboxCount
  case late, lateBoundary, epochBoundary, unknownActivity

  case claimed, claimedGivenBack, claimedUnderLargeSeq, secondChance
  case repeatDecided, repeatUndecided, repeatInBatch, repeatReleased, repeatReleasing
  case repeatOutsideWindow, repeatWhilePaused
  case keylessRepeat, keylessReleasing, keyRequired
  case stateNotOpen, stateClosed, statePaused, windowNotOpen, windowClosed
  case windowOpenBoundary, windowCloseBoundary
  case limitByHeld, limitByReleasing, limitByBatch, limitByEver
  case outboxFull, soldOut, soldOutInBatch, slid, wrapped, wrappedInCall, again
  case hintTaken, hintTakenInBatch, hintOutOfRange, hintNoNumber
  case usedAbsent, usedNoNumber, usedNegative, usedFraction, usedAboveTotal, usedZero

  case releasing, releaseReleased, releaseReleasing, releaseInBatch, releaseUndecided
  case releaseUnknown, releaseOutboxFull
  case acknowledgedClaims, acknowledgedReleases, acknowledgedAbsent, acknowledgedTwice,
    acknowledgedOtherEpoch
  case acknowledgedOtherLock
  case lookDecided, lookUndecided, lookReleasing, lookReleased, lookUnknown
}
