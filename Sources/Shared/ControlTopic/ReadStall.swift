import Threads

/// When to read from another connection, because an acknowledged record doesn't come: a value, decided without I/O.
///
/// Each try is a new client, and an old one that does not close in time stays behind; so the pauses grow until a record is
/// read again. Without a broker no connection helps, and the pause begins when there is one.
struct ReadStall {
  static let pauseMs = 2_000
  static let pauseMsMax = 60_000

  /// The first record that was acknowledged and is not read, and since when nothing was read or tried.
  private var unread: (offset: Int64, since: MonotonicTime)?
  private var currentMs = Self.pauseMs

  /// A record was acknowledged at `offset`, when everything below `position` was read.
  mutating func acknowledged(_ offset: Int64, position: Int64, now: MonotonicTime) {
    if offset >= position && unread == nil { unread = (offset, now) }
  }

  /// The position has moved from `old` to `position`; back where the log is read again.
  mutating func read(from old: Int64, to position: Int64, now: MonotonicTime) {
    if position > old { currentMs = Self.pauseMs }
    if let offset = unread?.offset { unread = position > offset ? nil : (offset, now) }
  }

  /// The offset of the record that is missing, when another connection is to be tried now.
  mutating func due(isConnected: Bool, now: MonotonicTime) -> Int64? {
    guard let (offset, since) = unread else { return nil }
    if isConnected && now < since.adding(ms: currentMs) { return nil }
    unread = (offset, now)
    if !isConnected { return nil }
    currentMs = min(Self.pauseMsMax, currentMs * 2)
    return offset
  }
}
