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
  private var nextSeed: UInt64

  /// The same `jitterSeed` gives the same waits.
  init(jitterSeed: UInt64 = .random(in: 0 ... .max)) { nextSeed = jitterSeed }

  /// The lap has come by an entry: what is known of it stays.
  mutating func meet(_ id: OutboxEntry.ID) {
    tries[id.activity]?[id]?.lap = laps[id.activity, default: 0]
  }

  /// Whether an entry may be published again now.
  func isDue(_ id: OutboxEntry.ID, now: MonotonicTime) -> Bool {
    guard let entry = tries[id.activity]?[id] else { return count < Self.capacity }
    return entry.dueAt <= now
  }

  /// An entry that is due is published again: how often, with this time.
  mutating func attempt(_ id: OutboxEntry.ID, now: MonotonicTime) -> Int {
    precondition(isDue(id, now: now), "an entry is published before its time")
    let lap = laps[id.activity, default: 0]
    guard var entry = tries[id.activity]?[id] else {
      nextSeed &+= 1
      var backoff = Backoff(initialMs: 2_000, maximumMs: 30_000, seed: nextSeed)
      let wait = backoff.nextMs()
      tries[id.activity, default: [:]][id] = Try(
        attempts: 1, backoff: backoff, dueAt: now.adding(ms: wait), lap: lap)
      count += 1
      return 1
    }
    entry.lap = lap
    entry.attempts += 1
    entry.dueAt = now.adding(ms: entry.backoff.nextMs())
    tries[id.activity]![id] = entry
    return entry.attempts
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
