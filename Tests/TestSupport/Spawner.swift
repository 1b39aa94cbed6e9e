import Threads

/// The thread that starts what has to die with this process: Linux ties that to the life of the thread that started it,
/// and this one ends with the process.
enum Spawner {
  private static let jobs = Inbox<@Sendable () -> Void>(capacity: 256)
  private static let thread = NamedThread("spawner") {
    while let batch = jobs.take(until: nil) { for job in batch { job() } }
  }

  /// Runs it there, and waits for that.
  static func run<Value: Sendable>(
    _ body: @escaping @Sendable () throws -> Value
  ) throws -> Value {
    _ = thread
    let answer = Inbox<Result<Value, any Error>>(capacity: 1)
    guard jobs.offer({ _ = answer.offer(Result { try body() }) }) == .accepted,
      let result = answer.take(until: nil)?.first
    else { throw TestSupportError("too many processes are started at once") }
    return try result.get()
  }
}
