#if TEST_SWITCHES
  internal import Glibc

  /// The producer's fatal error, which nothing brings about with idempotence off: once the file is there that
  /// `SLIDING_STOCK_TEST_FATAL_FILE` names, in the test build alone.
  struct TestFault {
    private let file: String

    var isDue: Bool { access(file, F_OK) == 0 }

    static func fromEnvironment() -> TestFault? {
      getenv("SLIDING_STOCK_TEST_FATAL_FILE").map { TestFault(file: String(cString: $0)) }
    }
  }
#endif
