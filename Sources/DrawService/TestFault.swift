#if TEST_SWITCHES
  internal import Glibc
  internal import Threads

  /// The producer's fatal error, which nothing brings about with idempotence off: after
  /// `SLIDING_STOCK_TEST_FATAL_AFTER_MS`, in the test build alone.
  struct TestFault {
    private let dueAt: MonotonicTime

    var isDue: Bool { dueAt <= .now }

    static func fromEnvironment() -> TestFault? {
      guard let text = getenv("SLIDING_STOCK_TEST_FATAL_AFTER_MS"),
        let ms = Int(String(cString: text))
      else { return nil }
      return TestFault(dueAt: .after(ms: ms))
    }
  }
#endif
