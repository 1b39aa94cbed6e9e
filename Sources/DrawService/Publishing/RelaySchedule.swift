internal import Stock
internal import Threads

/// Which outbox entries are due to be published again: decided without I/O.
///
/// An entry that does not get through is tried again after growing waits, and never holds up the others. An outbox is
/// walked through in laps, each over several sweeps where it is long; what a whole lap did not meet is in Kafka.
struct RelaySchedule: Sendable {
  private struct Try {
    var attempts: Int
    var backoff: Backoff
    var dueAt: MonotonicTime
    var lap: Int
  }

  /// Entries remembered; beyond it new ones wait until others are forgotten.
  static let capacity = 100_000

  private var tries: [ActivityID: [OutboxEntry.ID: Try]] = [:]
  private var laps: [ActivityID: Int] = [:]
  private var count = 0

  /// How often an entry has been published again, with this time; nil when it is not due yet.
  mutating func attempt(_ id: OutboxEntry.ID, now: MonotonicTime) -> Int? {
    let lap = laps[id.activity, default: 0]
    guard var entry = tries[id.activity]?[id] else {
      guard count < Self.capacity else { return nil }
      var backoff = Backoff(initialMs: 2_000, maximumMs: 30_000)
      let wait = backoff.nextMs()
      tries[id.activity, default: [:]][id] = Try(
        attempts: 1, backoff: backoff, dueAt: now.adding(ms: wait), lap: lap)
      count += 1
      return 1
    }
    entry.lap = lap
    let isDue = entry.dueAt <= now
    if isDue {
      entry.attempts += 1
      entry.dueAt = now.adding(ms: entry.backoff.nextMs())
    }
    tries[id.activity]![id] = entry
    return isDue ? entry.attempts : nil
  }

  /// The outbox was walked through: forgets what was not met.
  mutating func endLap(_ activity: ActivityID) {
    let lap = laps[activity, default: 0]
    laps[activity] = lap + 1
    guard let entries = tries[activity] else { return }
    let met = entries.filter { $0.value.lap == lap }
    count -= entries.count - met.count
    tries[activity] = met.isEmpty ? nil : met
  }

  /// Forgets activities that have nothing waiting any more.
  mutating func keepOnly(_ activities: Set<ActivityID>) {
    for (activity, entries) in tries where !activities.contains(activity) {
      count -= entries.count
      tries[activity] = nil
    }
    laps = laps.filter { activities.contains($0.key) }
  }
}
