#if TEST_SWITCHES
  import Glibc
  import Log
  import Threads

  /// Stops a test's process before a step of a recovery, so that it can be killed or stopped exactly there.
  ///
  /// `SLIDING_STOCK_TEST_HOLD=<step>[:<ms>]`, once per process, until `SLIDING_STOCK_TEST_HOLD_UNTIL` exists or the time
  /// is over (60 s). It touches nothing meanwhile.
  enum TestHold {
    private static let step = Lock<(name: String, ms: Int)?>(fromEnvironment())

    static func reach(_ name: String, _ log: Log) {
      guard let ms = take(name) else { return }
      log.info("test_hold", ["step": .string(name)])
      let deadline = MonotonicTime.after(ms: ms)
      let file = getenv("SLIDING_STOCK_TEST_HOLD_UNTIL")
      while deadline > .now {
        if let file, access(file, F_OK) == 0 { return }
        usleep(10_000)
      }
    }

    private static func take(_ name: String) -> Int? {
      step.withLock { step in
        guard let held = step, held.name == name else { return nil }
        step = nil
        return held.ms
      }
    }

    private static func fromEnvironment() -> (name: String, ms: Int)? {
      guard let text = getenv("SLIDING_STOCK_TEST_HOLD") else { return nil }
      let parts = String(cString: text).split(separator: ":")
      guard let name = parts.first else { return nil }
      return (String(name), parts.count > 1 ? Int(parts[1]) ?? 60_000 : 60_000)
    }
  }

  extension RecoveryFlow.Action {
    /// What a test names it by; nil for what cannot be held.
    var holdName: String? {
      switch self {
      case .takeLock: "lock"
      case .advanceEpoch: "epoch"
      case .writeControl: "control"
      case .publishOutbox: "outbox"
      case .wait: "wait"
      case .writeBarriers: "barriers"
      case .awaitBarriers: "apply"
      case .connect: "rebuild"
      case .swap: "swap"
      case .openFence: "fence"
      case .stage, .pause, .end: nil
      }
    }
  }
#endif
