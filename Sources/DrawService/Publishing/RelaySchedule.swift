internal import Threads

/// Which outbox entries are due to be published again: decided without I/O.
///
/// An entry that does not get through is tried again after growing waits, and never holds up the others.
struct RelaySchedule: Sendable {
  private struct Try {
    var attempts: Int
    var backoff: Backoff
    var dueAt: MonotonicTime
    var seenInSweep: Int
  }

  private var tries: [OutboxEntry.ID: Try] = [:]
  private var sweep = 0

  /// Entries remembered; beyond it new ones wait for the next sweep.
  static let capacity = 100_000

  mutating func beginSweep() { sweep += 1 }

  /// How often an entry has been published again, with this time; nil when it is not due yet.
  mutating func attempt(_ id: OutboxEntry.ID, now: MonotonicTime) -> Int? {
    guard var entry = tries[id] else {
      guard tries.count < Self.capacity else { return nil }
      var backoff = Backoff(initialMs: 2_000, maximumMs: 30_000)
      let wait = backoff.nextMs()
      tries[id] = Try(
        attempts: 1, backoff: backoff, dueAt: now.adding(ms: wait), seenInSweep: sweep)
      return 1
    }
    entry.seenInSweep = sweep
    defer { tries[id] = entry }
    guard entry.dueAt <= now else { return nil }
    entry.attempts += 1
    entry.dueAt = now.adding(ms: entry.backoff.nextMs())
    return entry.attempts
  }

  /// Forgets what was not met in this sweep: it is in Kafka.
  mutating func endSweep() { tries = tries.filter { $0.value.seenInSweep == sweep } }
}
