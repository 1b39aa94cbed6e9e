import Log
import Stock
import Threads

/// What a recovery tells while it goes on, and how long its steps took.
struct RecoveryJournal {
  /// Between two lines about partitions that are waited for.
  private static let waitingMs = 10_000

  private let log: Log
  private let began = MonotonicTime.now
  private var stepBegan = MonotonicTime.now
  private var waitingSaid = MonotonicTime.now
  /// Of the current try of a step.
  private var counts: [(key: String, value: Int64)] = []
  /// Of the steps that this epoch has behind it.
  private var totals: [String: Int64] = [:]
  /// Of all epochs of the attempt, in the order in which they were first taken.
  private var stepsMs: [(key: String, value: Int64)] = []

  init(_ log: Log) { self.log = log }

  func begin(_ need: RecoveryNeed) {
    log.info("recovery_begins", ["reason": .string(need.description)])
  }

  /// Adds to a count of the current try of a step.
  mutating func count(_ key: String, _ value: Int64) { Self.add(value, to: key, of: &counts) }

  mutating func waiting(for partitions: Set<Int32>) {
    guard waitingSaid.adding(ms: Self.waitingMs) <= .now else { return }
    waitingSaid = .now
    log.info(
      "recovery_waits",
      ["step": "apply", "partitions": .array(partitions.sorted().map { .int($0) })])
  }

  /// How an action went; a step that is done is said, and one that failed.
  mutating func note(
    _ event: RecoveryFlow.Event, of step: RecoveryFlow.Step, next: RecoveryFlow.Step
  ) {
    if case .failed(let reason) = event {
      log.warning(
        "recovery_retries",
        [
          "step": .string(step.rawValue), "error": .string(reason), "next": .string(next.rawValue),
          "tookMs": .integer(Self.milliseconds(since: stepBegan)),
        ])
      counts.removeAll()  // the next try counts its own
      if step != next {
        totals.removeAll()  // so does the next epoch
        _ = turn(from: step)
      }
    } else if step != next {
      finish(step)
    }
  }

  mutating func end(_ ending: RecoveryFlow.Ending) {
    guard case .recovered(let epoch, let activities) = ending else { return }
    finish(.fence)
    log.info(
      "recovery_done",
      [
        "epoch": .integer(epoch), "tookMs": .integer(Self.milliseconds(since: began)),
        "activities": .array(activities.map { .int($0.value) }),
        "locks": .integer(totals["locks"] ?? 0), "events": .integer(totals["events"] ?? 0),
        "removed": .integer(totals["removed"] ?? 0),
        "stepsMs": .object(stepsMs.map { ($0.key, .integer($0.value)) }),
      ])
  }

  private mutating func finish(_ step: RecoveryFlow.Step) {
    for (key, value) in counts { totals[key, default: 0] += value }
    let tookMs = turn(from: step)
    log.info(
      "recovery_step",
      [
        "step": .string(step.rawValue), "tookMs": .integer(tookMs),
        "counts": .object(counts.map { ($0.key, .integer($0.value)) }),
      ])
    counts.removeAll()
  }

  /// How long the step took that is left now.
  private mutating func turn(from step: RecoveryFlow.Step) -> Int64 {
    let tookMs = Self.milliseconds(since: stepBegan)
    Self.add(tookMs, to: step.rawValue, of: &stepsMs)
    stepBegan = .now
    waitingSaid = .now
    return tookMs
  }

  private static func add(
    _ value: Int64, to key: String, of sums: inout [(key: String, value: Int64)]
  ) {
    if let place = sums.firstIndex(where: { $0.key == key }) {
      sums[place].value += value
    } else {
      sums.append((key, value))
    }
  }

  private static func milliseconds(since earlier: MonotonicTime) -> Int64 {
    MonotonicTime.now.microseconds(since: earlier) / 1_000
  }
}
