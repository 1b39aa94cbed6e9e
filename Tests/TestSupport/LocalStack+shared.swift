import Glibc
import Threads

extension LocalStack {
  private static let sharedStack = Lock<LocalStack?>(nil)

  /// One stack for all tests of this process that break no server and keep to topics and databases of their own.
  ///
  /// It is the running one whose environment file `STACK_ENV_FILE` names (from `deploy/test`), or one that is
  /// started part by part as tests ask for them and that ends with the process.
  public static func shared(_ parts: [Part] = Part.allCases) throws -> LocalStack {
    try sharedStack.withLock { shared in
      if let file = getenv("STACK_ENV_FILE").map({ String(cString: $0) }) {
        if let shared { return shared }
        guard let folder = parseEnvironment(readFile(file) ?? "")["STACK_DIR"] else {
          throw TestSupportError("STACK_ENV_FILE=\(file) is not the environment of a stack")
        }
        let stack = LocalStack(directory: folder, isOurs: false)
        try stack.readEnvironment()
        shared = stack
        return stack
      }
      let isNew = shared == nil
      let stack = try shared ?? LocalStack(directory: temporaryDirectory("stack"), isOurs: true)
      shared = stack
      if isNew { atexit { LocalStack.endShared() } }
      try stack.up(parts, partitions: 4)
      return stack
    }
  }

  private static func endShared() { sharedStack.withLock { $0 }?.end() }
}
