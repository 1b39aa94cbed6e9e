internal import Protections
internal import RedisClient

/// One call of claim.lua.
struct ClaimCall: Sendable {
  var notAfterMs: Int64
  var epochSeen: Int64
  var slideLimit: Int
  var outboxCap: Int
  var claims: [(user: String, request: String, isKeyed: Bool)]
}

extension ScriptModel {
  /// What one call keeps in mind while it goes through its claims.
  private struct Progress {
    let nowMs: Int64
    let slideLimit: Int
    let outboxCap: Int
    let lockedBefore: Int
    let seqBefore: Int64
    var looked = 0
    /// The number at which the search goes on.
    var cursor: Int64
    var events: [Event] = []
  }

  private typealias Answer = (code: Int64, slot: Int64, seq: Int64, request: String)

  mutating func claim(nowMs: Int64, _ call: ClaimCall) -> [RedisReply] {
    if let refused = refusal(
      nowMs: nowMs, notAfterMs: call.notAfterMs, epochSeen: call.epochSeen)
    {
      return refused
    }
    var progress = Progress(
      nowMs: nowMs, slideLimit: call.slideLimit, outboxCap: call.outboxCap,
      lockedBefore: locks.count, seqBefore: seq, cursor: startOfSearch())
    var items: [RedisReply] = []
    for claim in call.claims {
      let answer = self.claim(claim.user, claim.request, claim.isKeyed, &progress)
      items += [answer.code, answer.slot, answer.seq].map(RedisReply.integer)
      let isOwn = answer.request == claim.request
      items.append(isOwn ? .null : .string(Array(answer.request.utf8)))
    }
    if progress.looked > 0 { used = String(progress.cursor) }
    if progress.events.isEmpty { return header(nowMs) + items }
    if !Protection.outboxInScript.isOn {
      lockCount += progress.events.count
      return header(nowMs, first: progress.seqBefore + 1, last: seq) + items
    }
    outbox.append(
      Entry(
        firstSeq: progress.seqBefore + 1, isRelease: false, epoch: epoch, timeMs: nowMs,
        events: progress.events))
    lockCount += progress.events.count
    outboxCount += 1
    return header(nowMs, first: progress.seqBefore + 1, last: seq) + items
  }

  private mutating func claim(
    _ user: String, _ request: String, _ isKeyed: Bool, _ progress: inout Progress
  ) -> Answer {
    if let before = claim(of: user, request) { return repeated(user, before, progress) }
    if !isKeyed {
      if limit > 1 {
        hit(.keyRequired)
        return (13, 0, 0, request)
      }
      if let held = users[user, default: []].first(where: { !$0.isReleased }) {
        let answer = repeated(user, held, progress)
        hit(answer.code == 5 ? .keylessReleasing : .keylessRepeat)
        return answer
      }
    }
    if let code = obstacle(progress.nowMs) { return (code, 0, 0, request) }
    if isLimitReached(user, progress) { return (7, 0, 0, request) }
    if outbox.count >= progress.outboxCap {
      hit(.outboxFull)
      return (11, 0, 0, request)
    }
    if locks.count >= total {
      hit(locks.count > progress.lockedBefore ? .soldOutInBatch : .soldOut)
      return (6, 0, 0, request)
    }
    guard let slot = search(&progress) else {
      hit(.again)
      return (12, 0, 0, request)
    }
    hit(.claimed)
    if users[user] != nil { hit(.secondChance) }
    seq += 1
    if seq > 100_000_000_000_000 { hit(.claimedUnderLargeSeq) }
    locks[slot] = Lock(user: user, request: request, seq: seq, epoch: epoch)
    users[user, default: []].append(Claim(request: request, slot: slot, seq: seq))
    progress.events.append(Event(slot: slot, user: user, request: request))
    return (1, slot, seq, request)
  }

  private mutating func repeated(
    _ user: String, _ claim: Claim, _ progress: Progress
  ) -> Answer {
    if state == "paused" { hit(.repeatWhilePaused) }
    if progress.nowMs < opensMs || progress.nowMs >= closesMs { hit(.repeatOutsideWindow) }
    if claim.isReleased {
      hit(.repeatReleased)
      return (4, claim.slot, claim.seq, claim.request)
    }
    if claim.seq > progress.seqBefore {
      hit(.repeatInBatch)
      return (3, claim.slot, claim.seq, claim.request)
    }
    if let lock = lock(on: claim.slot, of: user, claim.request), lock.isReleasing {
      hit(.repeatReleasing)
      return (5, claim.slot, lock.seq, claim.request)
    }
    if isWaiting(claim.seq) {
      hit(.repeatUndecided)
      return (3, claim.slot, claim.seq, claim.request)
    }
    hit(.repeatDecided)
    return (2, claim.slot, claim.seq, claim.request)
  }

  /// The code that refuses every new claim now.
  private mutating func obstacle(_ nowMs: Int64) -> Int64? {
    switch state {
    case "preparing":
      hit(.stateNotOpen)
      return 8
    case "paused":
      hit(.statePaused)
      return 10
    case "closed":
      hit(.stateClosed)
      return 9
    default: break
    }
    if nowMs == opensMs { hit(.windowOpenBoundary) }
    if nowMs == closesMs { hit(.windowCloseBoundary) }
    if nowMs >= closesMs {
      hit(.windowClosed)
      return 9
    }
    if nowMs < opensMs {
      hit(.windowNotOpen)
      return 8
    }
    return nil
  }

  private mutating func isLimitReached(_ user: String, _ progress: Progress) -> Bool {
    let ever = users[user, default: []]
    let held = ever.filter { !$0.isReleased }
    if held.count >= limit {
      hit(.limitByHeld)
      if held.contains(where: { locks[$0.slot]?.isReleasing == true }) { hit(.limitByReleasing) }
      if held.contains(where: { $0.seq > progress.seqBefore }) { hit(.limitByBatch) }
      return true
    }
    if ever.count >= limit + 2 {
      hit(.limitByEver)
      return true
    }
    return false
  }

  /// Where the search begins, whatever `used` says.
  private mutating func startOfSearch() -> Int64 {
    guard let used else {
      hit(.usedAbsent)
      return 0
    }
    guard let number = Double(used), number.isFinite else {
      hit(.usedNoNumber)
      return 0
    }
    if number < 0 { hit(.usedNegative) }
    if number > Double(total) { hit(.usedAboveTotal) }
    if number == 0 { hit(.usedZero) }
    if number < 0 || number >= Double(total) { return 0 }
    if number != number.rounded(.down) { hit(.usedFraction) }
    return Int64(number.rounded(.down))
  }

  /// The next number without a lock; nil once as many have been looked at as one call may.
  private mutating func search(_ progress: inout Progress) -> Int64? {
    while progress.looked < progress.slideLimit {
      progress.looked += 1
      if !free.isEmpty {
        let hint = free.removeFirst()
        if isGood(hint, progress) {
          hit(.claimedGivenBack)
          return Int64(hint)
        }
        continue
      }
      if progress.cursor == total { hit(.wrappedInCall) }
      if progress.cursor == 0 && used == String(total) { hit(.wrapped) }
      progress.cursor = progress.cursor >= total ? 1 : progress.cursor + 1
      if locks[progress.cursor] == nil { return progress.cursor }
      hit(.slid)
    }
    return nil
  }

  private mutating func isGood(_ hint: String, _ progress: Progress) -> Bool {
    guard let number = Int64(hint), String(number) == hint else {
      hit(.hintNoNumber)
      return false
    }
    if number < 1 || number > total {
      hit(.hintOutOfRange)
      return false
    }
    if let lock = locks[number] {
      hit(lock.seq > progress.seqBefore ? .hintTakenInBatch : .hintTaken)
      return false
    }
    return true
  }
}
