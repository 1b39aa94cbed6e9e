import Threads

/// Tells when work is there and nothing moves. Any poll counts as life for Kafka, so this is ours to see.
struct Watchdog {
  enum Alarm {
    case noProgress(ms: Int64, WorkerStats.Now)
    case consumerStill(ms: Int64)
  }

  let stallMs: Int
  private var saidUntil: MonotonicTime?

  init(stallMs: Int) { self.stallMs = stallMs }

  /// At most one alarm per `stallMs`.
  mutating func look(at state: WorkerStats.Now, now: MonotonicTime) -> Alarm? {
    if let saidUntil, now < saidUntil { return nil }
    guard let alarm = judge(state, now) else {
      saidUntil = nil
      return nil
    }
    saidUntil = now.adding(ms: stallMs)
    return alarm
  }

  private func judge(_ state: WorkerStats.Now, _ now: MonotonicTime) -> Alarm? {
    if state.turnAt.adding(ms: stallMs) <= now {
      return .consumerStill(ms: now.microseconds(since: state.turnAt) / 1_000)
    }
    if let since = state.workSince, since.adding(ms: stallMs) <= now {
      return .noProgress(ms: now.microseconds(since: since) / 1_000, state)
    }
    return nil
  }
}
