import Threads

/// When to read from another connection, because an acknowledged record doesn't come: a value, decided without I/O.
///
/// Each try is a new client, which may find the same leader, so the first ones follow each other soon; and an old one that
/// does not close in time stays behind, so later the pauses grow until a record is read again. Without a broker no
/// connection helps, and the pause begins when there is one.
struct ReadStall {
  /// Tries before the pauses grow.
  static let quickTries = 10
  static let pauseMs = 2_000
  static let pauseMsMax = 60_000

  /// The first record that was acknowledged and is not read, and since when nothing was read or tried.
  private var unread: (offset: Int64, since: MonotonicTime)?
  private var currentMs = Self.pauseMs
  private var tries = 0

  /// A record was acknowledged at `offset`, when everything below `position` was read.
  mutating func acknowledged(_ offset: Int64, position: Int64, now: MonotonicTime) {
    if offset >= position && unread == nil { unread = (offset, now) }
  }

  /// The position has moved from `old` to `position`; back where the log is read again.
  mutating func read(from old: Int64, to position: Int64, now: MonotonicTime) {
    if position > old { (currentMs, tries) = (Self.pauseMs, 0) }
    if let offset = unread?.offset { unread = position > offset ? nil : (offset, now) }
  }

  /// The offset of the record that is missing, when another connection is to be tried now.
  mutating func due(isConnected: Bool, now: MonotonicTime) -> Int64? {
    guard let (offset, since) = unread else { return nil }
    if isConnected && now < since.adding(ms: currentMs) { return nil }
    unread = (offset, now)
    if !isConnected { return nil }
    tries += 1
    if tries >= Self.quickTries { currentMs = min(Self.pauseMsMax, currentMs * 2) }
    return offset
  }
}
