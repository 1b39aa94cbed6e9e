import Log
import Threads

/// What the threads count for the stats line, and what the watchdog looks at.
final class WorkerStats: Sendable {
  /// Since the last line.
  struct Counters: Sendable {
    var messages = 0
    var events = 0
    var batches = 0
    var heldChange: Int64 = 0
    var deadLetters = 0
    var positionsLost = 0
    var outages = 0
    var rebalances = 0
    var batchSize = Histogram()
    var applyMicroseconds = Histogram()
    /// From Redis' time in the event to its commit, by this machine's clock.
    var delayMs = Histogram()
  }

  /// As it is now.
  struct Now: Sendable {
    var phase = "idle"
    var partitions: [Int32] = []
    var stuck: [Int32: String] = [:]
    var lag: [Int32: Int64] = [:]
    var memberId = ""
    var generation: Int32 = -1
    /// Messages gathered or being applied.
    var unapplied = 0
    /// Since when there is work and nothing was committed; nil without work.
    var workSince: MonotonicTime?
    /// The consumer's last turn.
    var turnAt = MonotonicTime.now
  }

  private let state = Lock((counters: Counters(), now: Now()))

  func count(_ body: (inout Counters) -> Void) { state.withLock { body(&$0.counters) } }
  func update(_ body: (inout Now) -> Void) { state.withLock { body(&$0.now) } }

  /// Takes the counters and starts them anew.
  func take() -> (Counters, Now) {
    state.withLock { state in
      defer { state.counters = Counters() }
      return (state.counters, state.now)
    }
  }

  func now() -> Now { state.withLock { $0.now } }
}
