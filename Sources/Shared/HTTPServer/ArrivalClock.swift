internal import Threads

/// When that came which a loop finds: a value, told of each wait's end.
///
/// A loop that was stopped, or held up, finds what has come meanwhile: in its next turn, and in the turns after it as long
/// as there is more than one turn takes, or newcomers whose bytes are seen a turn later. All that is dated by the last
/// turn before.
struct ArrivalClock {
  private var lastTurn: Int64
  /// Being late: since when, and until when at most.
  private var late: (since: Int64, until: Int64)?

  init(now: Int64) { lastTurn = now }

  /// A wait has ended; gives the date of what is found in this turn. Nanoseconds of the monotonic clock.
  mutating func turn(at now: Int64) -> MonotonicTime {
    let precision = Int64(HTTPServer.arrivalPrecisionMs) * 1_000_000
    if now - lastTurn > precision {
      late = (late?.since ?? lastTurn, now + precision)
    } else if let until = late?.until, until <= now {
      late = nil
    }
    lastTurn = now
    return MonotonicTime(nanoseconds: late?.since ?? now)
  }

  /// The turn has taken what it found; `hasMore`: there may be more of it, or there were newcomers.
  mutating func ended(hasMore: Bool) {
    if !hasMore { late = nil }
  }
}
