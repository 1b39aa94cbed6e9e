import Protections
import Stock
import StockRecords
import TestSupport
import Testing

@testable import StockSyncWorker

@Suite struct RebuildTests {
  private let activity = ActivityID(1)!

  private func row(
    _ kind: RebuildRow.Kind, _ user: String, _ request: String, slot: Int64, seq: Int64,
    epoch: Int64 = 1
  ) -> RebuildRow {
    RebuildRow(kind: kind, user: user, request: request, slot: slot, seq: seq, epoch: epoch)
  }

  private func letter(
    _ kind: StockEvent.Kind = .claimed, _ user: String = "x", _ request: String = "rx",
    slot: Int64, seq: Int64, isUnresolved: Bool = true
  ) -> RebuildLetter {
    let event = StockEvent(
      kind: kind, activity: activity, slot: slot, seq: seq, epoch: 2, user: user,
      request: request, timeMs: 1)
    return RebuildLetter(
      of: activity, key: event.key, payload: event.encoded(), isUnresolved: isUnresolved)!
  }

  /// What would be in Redis, as text.
  private struct Built: Equatable {
    var locks: [Int64: String] = [:]
    var users: [String: String] = [:]
    var free: Set<Int64> = []
    var seq: Int64 = 0
    var used: Int64 = 0
  }

  private func build(
    total: Int64 = 100, _ rows: [RebuildRow], letters: [RebuildLetter] = [], pages: Int = 2
  ) -> Built {
    var rebuild = Rebuild(total: total, letters: letters)
    var built = Built()
    func take(_ chunk: Rebuild.Chunk) {
      for (slot, lock) in chunk.locks {
        #expect(built.locks.updateValue(lock.text, forKey: slot) == nil, "slot \(slot) twice")
      }
      for (user, claims) in chunk.users {
        let text = claims.map(\.text).joined(separator: ",")
        #expect(built.users.updateValue(text, forKey: user) == nil, "user \(user) twice")
      }
      built.free.formUnion(chunk.free)
    }
    for start in stride(from: 0, to: rows.count, by: pages) {
      take(rebuild.add(Array(rows[start..<min(start + pages, rows.count)])))
    }
    take(rebuild.finish())
    let totals = rebuild.totals
    #expect(totals.locks == Int64(built.locks.count))
    #expect(totals.users == Int64(built.users.count))
    #expect(totals.free == Int64(built.free.count))
    (built.seq, built.used) = (totals.seq, totals.used)
    return built
  }

  @Test func nothingIsAnEmptyActivity() { #expect(build([]) == Built()) }

  @Test(arguments: 1...4) func rowsBecomeLocksUsersAndFreeSlots(_ pages: Int) {
    let rows = [
      row(.claimed, "ann", "a2", slot: 4, seq: 9, epoch: 3),
      row(.releasedRequest, "ann", "a1", slot: 2, seq: 5),
      row(.claimed, "ann", "a0", slot: 1, seq: 1),
      row(.released, "bob", "b1", slot: 3, seq: 12),
      row(.releasedRequest, "bob", "b1", slot: 3, seq: 12),
      row(.releasedRequest, "cat", "c1", slot: 4, seq: 8),
    ]
    #expect(
      build(rows, pages: pages)
        == Built(
          locks: [4: "ann a2 9 3", 1: "ann a0 1 1"],
          users: ["ann": "1,a1:2:5:r,4", "bob": "b1:3:12:r", "cat": "c1:4:8:r"],
          free: [3], seq: 12, used: 4))
  }

  /// Redis could otherwise issue a seq that Postgres has seen, and the new claim would count as old.
  @Test func seqIsAboveReleasedRowsAndLettersToo() {
    let rows = [
      row(.claimed, "ann", "a", slot: 1, seq: 3),
      row(.releasedRequest, "bob", "b", slot: 9, seq: 7),
    ]
    #expect(build(rows).seq == 7)
    #expect(build(rows, letters: [letter(slot: 2, seq: 11, isUnresolved: false)]).seq == 11)
    #expect(build(rows, letters: [letter(.released, slot: 2, seq: 12)]).seq == 12)
    Protections.without([.seqAboveReleasedRows]) {
      #expect(build(rows, letters: [letter(slot: 2, seq: 11)]).seq == 3)
    }
  }

  @Test func anUnresolvedClaimHoldsItsSlotAndCountsForItsUser() {
    let rows = [
      row(.claimed, "ann", "a", slot: 1, seq: 3), row(.releasedRequest, "x", "r0", slot: 5, seq: 2),
    ]
    #expect(
      build(rows, letters: [letter(slot: 2, seq: 4)])
        == Built(
          locks: [1: "ann a 3 1", 2: "x rx 4 2"], users: ["ann": "1", "x": "r0:5:2:r,2"],
          free: [], seq: 4, used: 5))
    #expect(build([], letters: [letter(slot: 2, seq: 4)]).users == ["x": "2"])
    #expect(build([], letters: [letter(slot: 2, seq: 4, isUnresolved: false)]).locks.isEmpty)
    #expect(build([], letters: [letter(.released, slot: 2, seq: 4)]).locks.isEmpty)
    Protections.without([.deadLettersHeld]) {
      #expect(build([], letters: [letter(slot: 2, seq: 4)]).locks.isEmpty)
    }
  }

  @Test func aRowThatHoldsSlotOrRequestGoesFirst() {
    let slot = [row(.claimed, "ann", "a", slot: 2, seq: 9)]
    #expect(build(slot, letters: [letter(slot: 2, seq: 4)]).locks == [2: "ann a 9 1"])
    #expect(build(slot, letters: [letter(slot: 2, seq: 4)]).users == ["ann": "2"])
    let request = [row(.claimed, "x", "rx", slot: 7, seq: 2)]
    // The slot that the letter names may have been promised, too: it is held until the letter is judged.
    let built = build(request, letters: [letter(slot: 2, seq: 4)])
    #expect(built.locks == [2: "x rx 4 2", 7: "x rx 2 1"] && built.users == ["x": "7"])
  }

  /// Who claims a slot later found it free: the letter's claim was given back before.
  @Test func aSlotThatWasGivenBackAfterwardsIsNotHeld() {
    let given = [row(.released, "ann", "a", slot: 2, seq: 9)]
    let after = build(given, letters: [letter(slot: 2, seq: 4)])
    #expect(after.locks.isEmpty && after.free == [2])
    let before = build(given, letters: [letter(slot: 2, seq: 10)])
    #expect(before.locks == [2: "x rx 10 2"] && before.free.isEmpty)
    let own = [row(.releasedRequest, "x", "rx", slot: 2, seq: 5)]
    #expect(build(own, letters: [letter(slot: 2, seq: 4)]).locks.isEmpty)
    #expect(build(own, letters: [letter(slot: 2, seq: 4)]).users == ["x": "rx:2:5:r"])
    let others = [row(.releasedRequest, "ann", "a", slot: 2, seq: 9)]
    #expect(build(others, letters: [letter(slot: 2, seq: 4)]).locks == [2: "x rx 4 2"])
  }

  /// What a rebuild has made is never a loss to the reconciliation, or recoveries would follow each other for ever.
  @Test(arguments: [
    (row: ("claimed", "ann", 9), claimSeq: Int64(4)), (("claimed", "ann", 4), 9),
    (("claimed", "x", 4), 9), (("released", "ann", 9), 4), (("released", "ann", 4), 9),
    (("released", "x", 9), 4), (("released", "x", 4), 9), (("none", "", 0), 4),
  ])
  func noRebuildAsksForAnother(row of: (kind: String, user: String, seq: Int64), claimSeq: Int64) {
    let request = of.user == "x" ? "rx" : "a"
    var rows: [RebuildRow] = []
    if of.kind != "none" {
      let kind: RebuildRow.Kind = of.kind == "claimed" ? .claimed : .released
      rows.append(row(kind, of.user, request, slot: 2, seq: of.seq))
      if of.kind == "released" {
        rows.append(row(.releasedRequest, of.user, request, slot: 2, seq: of.seq))
      }
    }
    let event = StockEvent(
      kind: .claimed, activity: activity, slot: 2, seq: claimSeq, epoch: 2, user: "x",
      request: "rx", timeMs: 1)
    let built = build(rows, letters: [letter(slot: 2, seq: claimSeq)])
    let view = SlotView(
      activity: activity, slot: 2, lock: built.locks[2],
      row: rows.first.map {
        SlotView.Row(
          seq: $0.seq, isClaimed: $0.kind == .claimed, user: $0.user, request: $0.request,
          epoch: $0.epoch, eventMs: 1)
      },
      letters: [
        SlotView.Letter(
          event: event, reason: "refused", resolution: .unresolved, firstSeenMs: 1, partition: 0,
          offset: 0)
      ], seqBefore: built.seq, seqAfter: built.seq, epoch: 3)
    #expect(view.difference?.needsRecovery != true, "\(String(describing: view.difference))")
  }

  /// Its slot is held, and its user is told that it was released, as ever.
  @Test func aReleasedRequestIsNeverClaimedAgainByALetter() {
    let rows = [row(.releasedRequest, "x", "rx", slot: 3, seq: 6)]
    let built = build(rows, letters: [letter(slot: 2, seq: 9)])
    #expect(built.locks == [2: "x rx 9 2"] && built.users == ["x": "rx:3:6:r"])
  }

  @Test func whatCannotBeReadHoldsTheSlotOfItsKey() {
    func unreadable(_ key: String?) -> RebuildLetter? {
      RebuildLetter(
        of: activity, key: key.map { Array($0.utf8) }, payload: Array("{broken".utf8),
        isUnresolved: true)
    }
    for key in [nil, "", "1", "1_", "_2", "2_2", "1_2_3", "1_02", "01_2", "barrier-3"] {
      #expect(unreadable(key) == nil, "\(key ?? "no key")")
    }
    let built = build([], letters: [unreadable("1_8")!])
    #expect(built.locks == [8: "! ! 0 0"] && built.users.isEmpty && built.used == 8)
    #expect(!Identifier.isValid(Rebuild.nobody.user) && !Identifier.isValid(Rebuild.nobody.request))
    #expect(LockRecord(text: "! ! 0 0") == Rebuild.nobody)
    #expect(build(total: 7, [], letters: [unreadable("1_8")!]).locks.isEmpty)
  }

  @Test func ofSeveralLettersTheHighestSeqHolds() {
    let letters = [
      letter(.claimed, "x", "r1", slot: 2, seq: 4), letter(.claimed, "y", "r2", slot: 2, seq: 6),
      letter(.claimed, "y", "r2", slot: 3, seq: 8),
    ]
    let built = build([], letters: letters)
    #expect(built.locks == [2: "y r2 6 2", 3: "y r2 8 2"] && built.users == ["y": "2"])
  }

  /// Any history of claims and releases, cut anywhere, comes out as the tables have it.
  @Test(arguments: 1...20) func aHistoryIsRebuiltAsItIs(_ seed: Int) {
    var random = Seeded(UInt64(seed))
    let history = History(
      activity: 1, total: 40, steps: Int.random(in: 1...400, using: &random), using: &random)
    var rows: [RebuildRow] = []
    for (slot, claim) in history.claims {
      let kind: RebuildRow.Kind = claim.state == "claimed" ? .claimed : .released
      rows.append(row(kind, claim.user, claim.request, slot: slot, seq: claim.seq))
    }
    for event in history.events where event.kind == .released {
      rows.append(
        row(.releasedRequest, event.user, event.request, slot: event.slot, seq: event.seq))
    }
    rows.sort { $0.user < $1.user }
    let built = build(total: 40, rows, pages: Int.random(in: 1...50, using: &random))
    let held = history.claims.filter { $0.value.state == "claimed" }
    #expect(Set(built.locks.keys) == Set(held.keys))
    #expect(built.free == Set(history.claims.keys).subtracting(held.keys))
    #expect(built.seq <= Int64(history.events.count))
    #expect(built.used == history.claims.keys.max() ?? 0)
    for (slot, claim) in held {
      #expect(built.locks[slot] == "\(claim.user) \(claim.request) \(claim.seq) 1")
      #expect(
        ClaimRecord.list(built.users[claim.user]!)!.contains(.held(slot: slot)))
    }
    let released = built.users.flatMap { user, text in
      ClaimRecord.list(text)!.compactMap { claim -> String? in
        guard case .spelledOut(let request, _, _, true) = claim else { return nil }
        return "\(user)/\(request)"
      }
    }
    #expect(Set(released) == history.released)
  }
}
