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
  private var counts: [(key: String, value: Int64)] = []
  private var totals: [String: Int64] = [:]
  private var steps: [(key: String, value: LogValue)] = []

  init(_ log: Log) { self.log = log }

  func begin(_ need: RecoveryNeed) {
    log.info("recovery_begins", ["reason": .string(need.description)])
  }

  /// Adds to a count of the current step.
  mutating func count(_ key: String, _ value: Int64) {
    totals[key, default: 0] += value
    if let place = counts.firstIndex(where: { $0.key == key }) {
      counts[place].value += value
    } else {
      counts.append((key, value))
    }
  }

  mutating func waiting(for partitions: Set<Int32>) {
    guard waitingSaid.adding(ms: Self.waitingMs) <= .now else { return }
    waitingSaid = .now
    log.info(
      "recovery_waits",
      ["step": "apply", "partitions": .array(partitions.sorted().map { .int($0) })])
  }

  /// How an action went; a step that has ended is said.
  mutating func note(
    _ event: RecoveryFlow.Event, of step: RecoveryFlow.Step, next: RecoveryFlow.Step
  ) {
    if case .failed(let reason) = event {
      log.warning(
        "recovery_retries",
        [
          "step": .string(step.rawValue), "error": .string(reason), "next": .string(next.rawValue),
        ])
    }
    if step == next { return }
    finish(step)
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
        "removed": .integer(totals["removed"] ?? 0), "stepsMs": .object(steps),
      ])
  }

  private mutating func finish(_ step: RecoveryFlow.Step) {
    let tookMs = Self.milliseconds(since: stepBegan)
    steps.append((step.rawValue, .integer(tookMs)))
    log.info(
      "recovery_step",
      [
        "step": .string(step.rawValue), "tookMs": .integer(tookMs),
        "counts": .object(counts.map { ($0.key, .integer($0.value)) }),
      ])
    stepBegan = .now
    waitingSaid = .now
    counts.removeAll()
  }

  private static func milliseconds(since earlier: MonotonicTime) -> Int64 {
    MonotonicTime.now.microseconds(since: earlier) / 1_000
  }
}
