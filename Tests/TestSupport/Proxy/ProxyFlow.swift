import Threads

/// The bytes that came one way and have not gone on, and when they may. No sockets.
struct ProxyFlow {
  /// Bytes and pieces that are kept; beyond either nothing is read, so the sender feels it.
  static let byteLimit = 1 << 20
  static let pieceLimit = 16_384

  private struct Piece {
    let bytes: [UInt8]
    let cameAt: MonotonicTime
  }

  /// Bytes that wait.
  private(set) var count = 0
  /// Set when nothing more comes: how it ended.
  private(set) var ending: RedirectingProxy.Ending?
  private var endedAt = MonotonicTime(nanoseconds: 0)
  private var pieces: [Piece] = []
  /// The first piece that is not sent, and how much of it is.
  private var first = 0
  private var sentOfFirst = 0
  private var nextSliceAt = MonotonicTime(nanoseconds: 0)

  /// Bytes that may be read.
  var room: Int {
    guard ending == nil, pieces.count - first < Self.pieceLimit else { return 0 }
    return Self.byteLimit - count
  }

  mutating func append(_ bytes: ArraySlice<UInt8>, at now: MonotonicTime) {
    pieces.append(Piece(bytes: Array(bytes), cameAt: now))
    count += bytes.count
  }

  mutating func end(_ ending: RedirectingProxy.Ending, at now: MonotonicTime) {
    guard self.ending == nil else { return }
    (self.ending, endedAt) = (ending, now)
  }

  /// When the next bytes, or after the last of them the end, may go on; nil: nothing is there, or it is held.
  func due(_ shape: ProxyShape) -> MonotonicTime? {
    guard !shape.isHeld else { return nil }
    if first < pieces.count {
      return max(pieces[first].cameAt.adding(ms: shape.delayMs), nextSliceAt)
    }
    return ending == nil ? nil : endedAt.adding(ms: shape.delayMs)
  }

  /// What may be sent now, in one segment.
  func sendable(_ shape: ProxyShape, at now: MonotonicTime) -> ArraySlice<UInt8> {
    guard first < pieces.count, let due = due(shape), due <= now else { return [] }
    return pieces[first].bytes[sentOfFirst...].prefix(shape.sliceBytes ?? .max)
  }

  /// The end, when its turn has come.
  func dueEnding(_ shape: ProxyShape, at now: MonotonicTime) -> RedirectingProxy.Ending? {
    guard first == pieces.count, let due = due(shape), due <= now else { return nil }
    return ending
  }

  mutating func sent(_ count: Int, _ shape: ProxyShape, at now: MonotonicTime) {
    self.count -= count
    sentOfFirst += count
    if shape.sliceBytes != nil { nextSliceAt = now.adding(ms: shape.pauseMs) }
    guard sentOfFirst == pieces[first].bytes.count else { return }
    (first, sentOfFirst) = (first + 1, 0)
    // Now and then, so that a long queue isn't moved for each piece.
    if first == pieces.count || first >= Self.pieceLimit / 4 {
      pieces.removeFirst(first)
      first = 0
    }
  }

  /// Forgets what waits; gives how many bytes that was.
  mutating func drop() -> Int {
    defer { (count, pieces, first, sentOfFirst) = (0, [], 0, 0) }
    return count
  }
}
