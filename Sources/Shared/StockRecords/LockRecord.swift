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
