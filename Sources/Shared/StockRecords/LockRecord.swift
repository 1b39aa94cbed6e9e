/// What a slot's lock holds: "user request seq epoch", with " r" behind while it is being released.
///
/// Seq and epoch are those of the event that made it so: a lock is enough to publish that event again.
public struct LockRecord: Hashable, Sendable {
  public let user: String
  public let request: String
  public let seq: Int64
  public let epoch: Int64
  public let isReleasing: Bool

  public init(user: String, request: String, seq: Int64, epoch: Int64, isReleasing: Bool = false) {
    self.user = user
    self.request = request
    self.seq = seq
    self.epoch = epoch
    self.isReleasing = isReleasing
  }

  /// nil when it is no lock of ours.
  public init?(text: String) {
    let words = text.split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 4 || (words.count == 5 && words[4] == "r"), let seq = Int64(words[2]),
      let epoch = Int64(words[3]), !words[0].isEmpty, !words[1].isEmpty
    else { return nil }
    self.init(
      user: String(words[0]), request: String(words[1]), seq: seq, epoch: epoch,
      isReleasing: words.count == 5)
  }

  public var text: String { "\(user) \(request) \(seq) \(epoch)\(isReleasing ? " r" : "")" }
}

/// One claim in a user's record, "request:slot:seq", with ":r" behind once it is released.
public struct ClaimRecord: Hashable, Sendable {
  public let request: String
  public let slot: Int64
  public let seq: Int64
  public let isReleased: Bool

  public init(request: String, slot: Int64, seq: Int64, isReleased: Bool) {
    self.request = request
    self.slot = slot
    self.seq = seq
    self.isReleased = isReleased
  }

  /// nil when it is no claim of ours.
  public init?(text: some StringProtocol) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 3 || (parts.count == 4 && parts[3] == "r"), let slot = Int64(parts[1]),
      let seq = Int64(parts[2]), !parts[0].isEmpty
    else { return nil }
    self.init(request: String(parts[0]), slot: slot, seq: seq, isReleased: parts.count == 4)
  }

  public var text: String { "\(request):\(slot):\(seq)\(isReleased ? ":r" : "")" }

  /// All claims of a user's record; nil when one of them is none of ours.
  public static func list(_ record: String) -> [ClaimRecord]? {
    let claims = record.split(separator: ",", omittingEmptySubsequences: false)
      .map { ClaimRecord(text: $0) }
    return claims.contains(nil) ? nil : claims.compactMap { $0 }
  }
}
