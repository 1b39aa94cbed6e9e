internal import RedisClient

/// One call of release.lua.
struct ReleaseCall: Sendable {
  var notAfterMs: Int64
  var epochSeen: Int64
  var outboxCap: Int
  var requests: [(user: String, request: String)]
}

extension ScriptModel {
  mutating func release(nowMs: Int64, _ call: ReleaseCall) -> [RedisReply] {
    if let refused = refusal(
      nowMs: nowMs, notAfterMs: call.notAfterMs, epochSeen: call.epochSeen)
    {
      return refused
    }
    let seqBefore = seq
    var events: [Event] = []
    var items: [RedisReply] = []
    for (user, request) in call.requests {
      let answer = release(user, request, cap: call.outboxCap, seqBefore: seqBefore)
      if answer[0] == 1 {
        events.append(Event(slot: answer[1], user: user, request: request))
      }
      items += answer.map(RedisReply.integer)
    }
    if events.isEmpty { return header(nowMs) + items }
    outbox.append(
      Entry(
        firstSeq: seqBefore + 1, isRelease: true, epoch: epoch, timeMs: nowMs, events: events))
    outboxCount += 1
    return header(nowMs, first: seqBefore + 1, last: seq) + items
  }

  private mutating func release(
    _ user: String, _ request: String, cap: Int, seqBefore: Int64
  ) -> [Int64] {
    guard let claim = claim(of: user, request) else {
      hit(.releaseUnknown)
      return [5, 0, 0]
    }
    if claim.isReleased {
      hit(.releaseReleased)
      return [2, claim.slot, claim.seq]
    }
    guard let lock = lock(on: claim.slot, of: user, request) else { return [5, 0, 0] }
    if lock.isReleasing {
      hit(lock.seq > seqBefore ? .releaseInBatch : .releaseReleasing)
      return [3, claim.slot, lock.seq]
    }
    if isWaiting(claim.seq) {
      hit(.releaseUndecided)
      return [4, claim.slot, claim.seq]
    }
    if outbox.count >= cap {
      hit(.releaseOutboxFull)
      return [6, claim.slot, claim.seq]
    }
    hit(.releasing)
    seq += 1
    locks[claim.slot] = Lock(
      user: user, request: request, seq: seq, epoch: epoch, isReleasing: true)
    return [1, claim.slot, seq]
  }

  mutating func acknowledge(
    nowMs: Int64, epochSeen: Int64, entries: [(lastSeq: Int64, epoch: Int64)]
  ) -> [RedisReply] {
    if let refused = refusal(nowMs: nowMs, epochSeen: epochSeen) { return refused }
    var deleted: [Int64] = []
    for (lastSeq, epoch) in entries {
      guard let place = outbox.firstIndex(where: { $0.lastSeq == lastSeq }) else {
        hit(deleted.contains(lastSeq) ? .acknowledgedTwice : .acknowledgedAbsent)
        continue
      }
      if outbox[place].epoch != epoch {
        hit(.acknowledgedOtherEpoch)
        continue
      }
      let entry = outbox.remove(at: place)
      outboxCount -= 1
      deleted.append(lastSeq)
      hit(entry.isRelease ? .acknowledgedReleases : .acknowledgedClaims)
      if entry.isRelease { free(entry) }
    }
    return header(nowMs) + [.integer(Int64(deleted.count))]
  }

  /// Frees what a release entry holds, where the lock is still the one that it made.
  private mutating func free(_ entry: Entry) {
    for (index, event) in entry.events.enumerated() {
      let eventSeq = entry.firstSeq + Int64(index)
      guard let lock = lock(on: event.slot, of: event.user, event.request), lock.isReleasing,
        lock.seq == eventSeq, lock.epoch == entry.epoch
      else {
        hit(.acknowledgedOtherLock)
        continue
      }
      locks[event.slot] = nil
      lockCount -= 1
      free.append(String(event.slot))
      let place = users[event.user]!.firstIndex { $0.request == event.request }!
      users[event.user]![place].isReleased = true
    }
  }
}
