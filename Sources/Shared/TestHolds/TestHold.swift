#if TEST_SWITCHES
  import Glibc
  public import Log
  import Threads

  /// Stops a thread of a test's process before a step, so that the process can be killed or stopped exactly there. Its
  /// other threads go on.
  ///
  /// `SLIDING_STOCK_TEST_HOLD=<step>[:<ms>]`, once per process, until `SLIDING_STOCK_TEST_HOLD_UNTIL` exists or the time
  /// is over (60 s); it touches nothing meanwhile. With `SLIDING_STOCK_TEST_HOLD_FROM` the step is passed freely until
  /// that file exists, so that it is held in the middle of a sale. `test_hold` in the log says that it is held.
  public enum TestHold {
    private static let step = Lock<(name: String, ms: Int)?>(fromEnvironment())

    public static func reach(_ name: String, _ log: Log) {
      guard let ms = take(name) else { return }
      log.info("test_hold", ["step": .string(name)])
      let deadline = MonotonicTime.after(ms: ms)
      while deadline > .now {
        if exists("SLIDING_STOCK_TEST_HOLD_UNTIL") == true { return }
        usleep(10_000)
      }
    }

    private static func take(_ name: String) -> Int? {
      step.withLock { step in
        guard let held = step, held.name == name,
          exists("SLIDING_STOCK_TEST_HOLD_FROM") != false
        else { return nil }
        step = nil
        return held.ms
      }
    }

    /// Whether the file is there that this variable names; nil when it names none.
    private static func exists(_ variable: String) -> Bool? {
      getenv(variable).map { access($0, F_OK) == 0 }
    }

    private static func fromEnvironment() -> (name: String, ms: Int)? {
      guard let text = getenv("SLIDING_STOCK_TEST_HOLD") else { return nil }
      let parts = String(cString: text).split(separator: ":")
      guard let name = parts.first else { return nil }
      return (String(name), parts.count > 1 ? Int(parts[1]) ?? 60_000 : 60_000)
    }
  }
#endif
