internal import RedisClient

/// A script's flat reply: a head, then a fixed number of values for each item of the call.
struct ScriptReply {
  enum Status: Int64 {
    case done = 0
    case fenced
    /// The call came after its not-after: nothing was done.
    case late
    case unknownActivity
  }

  /// No clock of a server is past it (2255), and as nanoseconds it is a number yet.
  private static let times: ClosedRange<Int64> = 0...9_000_000_000_000

  let status: Status
  /// Redis time, milliseconds since 1970.
  let nowMs: Int64
  let epoch: Int64
  /// Events of the outbox entry that the call wrote; 0…0 when it wrote none.
  let firstSeq: Int64
  let lastSeq: Int64
  let outboxLength: Int64
  private let values: ArraySlice<RedisReply>

  /// Why the call was refused as fenced; nil where it was not.
  var fenceReason: FenceReason? { status == .fenced ? FenceReason(rawValue: firstSeq) : nil }

  /// nil when it is no reply of ours; the caller reports it.
  init?(_ reply: RedisReply) {
    guard let values = reply.elements, values.count >= 6,
      let status = values[0].int.flatMap(Status.init), let nowMs = values[1].int,
      Self.times.contains(nowMs),
      let epoch = values[2].int, let firstSeq = values[3].int, let lastSeq = values[4].int,
      let outboxLength = values[5].int
    else { return nil }
    self.status = status
    self.nowMs = nowMs
    self.epoch = epoch
    self.firstSeq = firstSeq
    self.lastSeq = lastSeq
    self.outboxLength = outboxLength
    self.values = values[6...]
  }

  /// The values after the head, `width` for each item; nil when they are not that many.
  func items(_ count: Int, width: Int, after skipped: Int = 0) -> [ArraySlice<RedisReply>]? {
    guard values.count == skipped + count * width else { return nil }
    return (0..<count).map { item in
      let start = values.startIndex + skipped + item * width
      return values[start..<start + width]
    }
  }

  /// The value at a place after the head.
  func value(_ place: Int) -> RedisReply? {
    place < values.count ? values[values.startIndex + place] : nil
  }
}

/// Why a server is fenced: nothing that it knows is to be trusted.
enum FenceReason: Int64, Sendable {
  case nothingKnown = 1
  case otherServer, oldEpoch, locksMiscounted, outboxMiscounted

  /// Whether another server may be in its place by now, which a new connection would find.
  var isOfServer: Bool {
    switch self {
    case .nothingKnown, .otherServer, .oldEpoch: true
    case .locksMiscounted, .outboxMiscounted: false
    }
  }

  /// For a person.
  var text: String {
    switch self {
    case .nothingKnown:
      "nothing is known there: emptied, not whole, or no activity was ever created"
    case .otherServer:
      "Redis was restarted, promoted or restored: it is not the server of the fence"
    case .oldEpoch: "Redis is of an older epoch than the highest seen"
    case .locksMiscounted: "locks are missing, or there are too many"
    case .outboxMiscounted: "entries of the outbox are missing, or there are too many"
    }
  }
}

/// An item's code in the claim script's reply.
enum ClaimCode: Int64 {
  case claimed = 1
  case repeatDecided, repeatUndecided, released, releasing, soldOut, limitReached, notOpen, closed
  case paused, outboxFull, again, keyRequired
}

/// An item's code in the release script's reply.
enum ReleaseCode: Int64 {
  case releasingNow = 1
  case released, releasing, claimUndecided, unknownRequest, outboxFull
}

/// An item's code in the look script's reply.
enum LookCode: Int64 {
  case claimed = 1
  case undecided, releasing, released, unknownRequest
}
