/// One claim in a user's record.
///
/// A million users hold a slot each, so that what the slot's lock says is not said again.
public enum ClaimRecord: Hashable, Sendable {
  /// "slot": request and seq stand in the slot's lock.
  case held(slot: Int64)
  /// "request:slot:seq" from when its release begins, for then the lock goes over to the release; ":r" behind once it is
  /// released.
  case spelledOut(request: String, slot: Int64, seq: Int64, isReleased: Bool)

  /// nil when it is no claim of ours.
  public init?(text: some StringProtocol) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    if parts.count == 1, let slot = Int64(parts[0]) {
      self = .held(slot: slot)
      return
    }
    guard parts.count == 3 || (parts.count == 4 && parts[3] == "r"), let slot = Int64(parts[1]),
      let seq = Int64(parts[2]), !parts[0].isEmpty
    else { return nil }
    self = .spelledOut(
      request: String(parts[0]), slot: slot, seq: seq, isReleased: parts.count == 4)
  }

  public var slot: Int64 {
    switch self {
    case .held(let slot), .spelledOut(_, let slot, _, _): slot
    }
  }

  public var isReleased: Bool {
    if case .spelledOut(_, _, _, true) = self { true } else { false }
  }

  public var text: String {
    switch self {
    case .held(let slot): "\(slot)"
    case .spelledOut(let request, let slot, let seq, let isReleased):
      "\(request):\(slot):\(seq)\(isReleased ? ":r" : "")"
    }
  }

  /// Whether this is the claim that a lock on its slot stands for. A held one may be spelled out: versions before this one
  /// wrote so.
  public func isHeld(by user: String, _ lock: LockRecord?) -> Bool {
    guard let lock, lock.user == user else { return false }
    return switch self {
    case .held: !lock.isReleasing
    case .spelledOut(let request, _, _, let isReleased): !isReleased && request == lock.request
    }
  }

  /// All claims of a user's record; nil when one of them is none of ours.
  public static func list(_ record: String) -> [ClaimRecord]? {
    let claims = record.split(separator: ",", omittingEmptySubsequences: false)
      .map { ClaimRecord(text: $0) }
    return claims.contains(nil) ? nil : claims.compactMap { $0 }
  }
}
