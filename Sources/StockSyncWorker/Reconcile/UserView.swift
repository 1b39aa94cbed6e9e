import Stock
import StockRecords

/// A lock and a user's record as Redis holds them at one moment: there is no lag between the two.
struct UserView: Equatable, Sendable {
  var activity: ActivityID
  var slot: Int64
  var lock: String?
  /// Of `user`; nil: none.
  var record: String?
  var user: String

  private var claim: (held: ClaimRecord?, isReadable: Bool) {
    guard let record else { return (nil, true) }
    guard let claims = ClaimRecord.list(record) else { return (nil, false) }
    return (claims.first { $0.slot == slot && !$0.isReleased }, true)
  }

  private var holder: LockRecord? { lock.flatMap { LockRecord(text: $0) } }

  /// What is wrong between the two, or nil.
  var difference: Difference? {
    guard Identifier.isValid(user) else { return nil }  // held for a dead letter
    let (claim, isReadable) = claim
    if !isReadable {
      return made(.userUnreadable, detail: "record '\(record?.prefix(200) ?? "")'")
    }
    let own = holder.flatMap { $0.user == user ? $0 : nil }
    if let own, claim?.isHeld(by: user, own) != true {
      return Difference(
        kind: .lockWithoutUser, activity: activity.value, slot: slot, side: .redis,
        user: own.user, request: own.request, seq: own.seq, epoch: own.epoch,
        detail: "record '\(record?.prefix(200) ?? "")'")
    }
    if own == nil, let claim {
      var difference = made(
        .userWithoutLock, detail: "record '\(claim.text)', lock '\(lock ?? "")'")
      if case .spelledOut(let request, _, let seq, _) = claim {
        (difference.request, difference.seq) = (request, seq)
      }
      return difference
    }
    return nil
  }

  private func made(_ kind: Difference.Kind, detail: String) -> Difference {
    Difference(
      kind: kind, activity: activity.value, slot: slot, side: .redis, user: user, detail: detail)
  }
}
