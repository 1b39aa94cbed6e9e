internal import Log
internal import Stock
internal import Synchronization
internal import Threads

/// Where the fence's state is told: to the log once, to `readyz`, and by the lanes to whoever probes.
final class FenceWatch: Sendable {
  /// Lanes that are refused time and again ask for a probe this seldom.
  private static let suspicionPauseMs = 100

  private let state = Lock(FenceState())
  private let isFenced = Atomic<Bool>(false)
  private let nextSuspicionNs = Atomic<Int64>(0)
  private let readiness: Readiness
  private let log: Log
  private let probeNow: @Sendable () -> Void

  init(readiness: Readiness, log: Log, probeNow: @escaping @Sendable () -> Void) {
    self.readiness = readiness
    self.log = log
    self.probeNow = probeNow
  }

  /// A script refused a call as fenced: probes at once, if that is news.
  func suspect() {
    if isFenced.load(ordering: .relaxed) { return }
    let now = MonotonicTime.now
    if now.nanoseconds < nextSuspicionNs.load(ordering: .relaxed) { return }
    nextSuspicionNs.store(
      now.adding(ms: Self.suspicionPauseMs).nanoseconds, ordering: .relaxed)
    probeNow()
  }

  /// Takes a whole round of probes.
  func take(_ result: FenceProbe.Result) {
    let (changes, fenced) = state.withLock { state in
      let changes = state.take(
        server: result.server, activities: result.activities, at: .now)
      return (changes, state.isFenced)
    }
    isFenced.store(fenced, ordering: .relaxed)
    // One activity that is fenced is no reason to take the others' draws elsewhere.
    readiness.setFenced(result.server != nil)
    for change in changes { tell(change) }
  }

  private func tell(_ change: FenceState.Change) {
    switch change {
    case .began(let scope, let reason):
      log.alarm(
        "fenced",
        [
          "scope": .string(scope.description), "reason": .string("\(reason)"),
          "detail": .string(reason.text), "sinceMs": .int(wallClockMs()),
        ])
    case .over(let scope, let lastedMs):
      log.info("fence_over", ["scope": .string(scope.description), "lastedMs": .int(lastedMs)])
    }
  }
}

extension FenceState.Scope {
  fileprivate var description: String {
    switch self {
    case .server: "server"
    case .activity(let activity): "activity \(activity)"
    }
  }
}
