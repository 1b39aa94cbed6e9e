import Stock
import Testing

@testable import StockSyncWorker

/// What is said about a slot and a user's record, as values.
@Suite struct JudgementTests {
  private func view(
    _ lock: String?, _ row: SlotView.Row? = nil, letters: [SlotView.Letter] = [],
    before: Int64 = 50, after: Int64 = 60
  ) -> SlotView {
    SlotView(
      activity: ActivityID(1)!, slot: 5, lock: lock, row: row, letters: letters, seqBefore: before,
      seqAfter: after, epoch: 3)
  }

  private func row(_ seq: Int64, _ user: String = "a", isClaimed: Bool = true) -> SlotView.Row {
    SlotView.Row(
      seq: seq, isClaimed: isClaimed, user: user, request: "r", epoch: 3, eventMs: 7)
  }

  private func letter(
    _ kind: StockEvent.Kind = .claimed, seq: Int64, reason: String = "refused",
    _ resolution: StoredLetter.Resolution = .unresolved
  ) -> SlotView.Letter {
    SlotView.Letter(
      event: event(kind, slot: 5, seq: seq, epoch: 3, user: "a", request: "r"), reason: reason,
      resolution: resolution, firstSeenMs: 8, partition: 0, offset: 9)
  }

  private func kind(_ view: SlotView) -> Difference.Kind? { view.difference?.kind }

  @Test func heldSlots() {
    #expect(kind(view("a r 9 3", row(9))) == nil)
    // The event's epoch says nothing about who holds the slot.
    #expect(kind(view("a r 9 2", row(9))) == nil)
    #expect(kind(view("a r 9 3")) == .redisOnly)
    #expect(kind(view("a r 9 3", row(8, isClaimed: false))) == .postgresOlder)
    #expect(kind(view("a r 9 3", row(8, "b"))) == .otherHolder)
    #expect(kind(view("a r 9 3", row(9, "b"))) == .otherHolder)
    #expect(kind(view("a r 9 3", row(9, isClaimed: false))) == .otherHolder)
    #expect(kind(view("a r 9 3", row(10))) == .redisOlder)
    #expect(kind(view("a r 9 3 r", row(9, isClaimed: false))) == .releasingStuck)
    #expect(kind(view("a r 9 3 r", row(8))) == .releasingStuck)
    #expect(kind(view("a r 9 3 r", row(10))) == .redisOlder)
    for broken in ["", "a r 9", "a r x 3", "a r 9 3 x"] {
      #expect(kind(view(broken)) == .lockUnreadable)
    }
  }

  @Test func freeSlots() {
    #expect(kind(view(nil)) == nil)
    #expect(kind(view(nil, row(9, isClaimed: false))) == nil)
    #expect(kind(view(nil, row(9))) == .postgresOnly)
    #expect(kind(view(nil, row(50))) == .postgresOnly)
    // Claimed and given back between the two reads of Redis.
    #expect(kind(view(nil, row(51))) == nil)
    #expect(kind(view(nil, row(60))) == nil)
    // Redis never issued it.
    #expect(kind(view(nil, row(61))) == .postgresOnly)
    #expect(kind(view(nil, row(9), letters: [letter(.released, seq: 10)])) == .releaseIsDeadLetter)
    #expect(
      kind(view(nil, row(9), letters: [letter(.released, seq: 10, .discarded)])) == .postgresOnly)
  }

  @Test func deadLetters() {
    #expect(kind(view("a r 9 3", letters: [letter(seq: 9)])) == .heldByDeadLetter)
    #expect(kind(view("a r 9 3", letters: [letter(seq: 9, .discarded)])) == .heldByDiscardedLetter)
    #expect(kind(view("a r 9 3", letters: [letter(seq: 9, .replayed)])) == .redisOnly)
    #expect(kind(view("a r 9 3", letters: [letter(seq: 8)])) == .redisOnly)
    #expect(
      kind(view("a r 9 3", letters: [letter(seq: 9, reason: "request_has_other_slot")]))
        == .requestHasOtherSlot)
    // A release that Postgres refused stays refused.
    let refused = letter(.released, seq: 9)
    #expect(kind(view("a r 9 3 r", row(8), letters: [refused])) == .releaseIsDeadLetter)
    #expect(
      kind(view("a r 9 3 r", row(8), letters: [letter(.released, seq: 9, .discarded)]))
        == .heldByDiscardedLetter)
    #expect(
      kind(view("a r 9 3 r", row(9, isClaimed: false), letters: [refused])) == .releasingStuck)
    // The claim's letter is not the release's.
    #expect(kind(view("a r 9 3 r", letters: [letter(seq: 9)])) == .releasingStuck)
    // Held for letters that name no event.
    var unreadable = letter(seq: 1)
    unreadable.event = nil
    #expect(kind(view("! ! 0 0", letters: [unreadable])) == .heldByDeadLetter)
    unreadable.resolution = .discarded
    #expect(kind(view("! ! 0 0", letters: [unreadable])) == .heldByDiscardedLetter)
    #expect(kind(view("! ! 0 0")) == .lockUnreadable)
  }

  @Test func users() {
    func kind(_ lock: String?, _ record: String?, user: String = "a") -> Difference.Kind? {
      UserView(activity: ActivityID(1)!, slot: 5, lock: lock, record: record, user: user)
        .difference?.kind
    }
    #expect(kind("a r 9 3", "5") == nil)
    #expect(kind("a r 9 3", "x:4:1:r,5,7") == nil)
    #expect(kind("a r 9 3", "r:5:9") == nil)
    #expect(kind("a r 12 3 r", "x:4:1:r,r:5:9") == nil)
    #expect(kind(nil, nil) == nil)
    #expect(kind(nil, "r:5:9:r") == nil)
    #expect(kind("b r 9 3", "r:5:9:r") == nil)
    #expect(kind("a r 9 3", nil) == .lockWithoutUser)
    #expect(kind("a r 9 3", "r:5:9:r") == .lockWithoutUser)
    #expect(kind("a r 9 3", "6") == .lockWithoutUser)
    #expect(kind("a r 9 3 r", "x:5:9") == .lockWithoutUser)
    // The script that began the release has not run, or not whole.
    #expect(kind("a r 12 3 r", "5") == .lockWithoutUser)
    for record in ["5", "r:5:9"] {
      #expect(kind(nil, record) == .userWithoutLock)
      #expect(kind("b r 9 3", record) == .userWithoutLock)
    }
    #expect(kind("a r 9 3", "??") == .userUnreadable)
    #expect(kind("! ! 0 0", nil, user: "!") == nil)
  }

  @Test func everyKindSaysWhatToDo() {
    for kind in Difference.Kind.allCases {
      let difference = Difference(kind: kind, activity: 1, side: .both)
      if difference.needsRecovery { #expect(difference.isAlarm) }
    }
    #expect(!Difference(kind: .redisOnly, activity: 1, side: .redis).isAlarm)
    #expect(Difference(kind: .surplusDiffers, activity: 1, side: .postgres).isAlarm)
  }
}
