import TestSupport
import Threads

/// Servers that these tests may break, one after the other: started once, ended with the process.
enum RecoveryStack {
  private static let stack = Lock<LocalStack?>(nil)

  static func get() throws -> LocalStack {
    try stack.withLock { stack in
      if let stack { return stack }
      let started = try LocalStack.start(LocalStack.Part.allCases)
      stack = started
      return started
    }
  }
}
