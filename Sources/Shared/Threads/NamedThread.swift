import CLinux
import Glibc

/// A thread with a name (seen in `top -H`, gdb and perf) that runs one function to its end.
///
/// Unchecked: the handle is only read, and what else there is sits in a lock.
public final class NamedThread: @unchecked Sendable {
  private final class Start {
    let name: String
    let body: @Sendable () -> Void
    init(name: String, body: @escaping @Sendable () -> Void) {
      self.name = name
      self.body = body
    }
  }

  public let name: String
  private let handle: pthread_t
  private let isJoined = Lock(false)

  /// Starts it at once. `name` is cut to the kernel's 15 bytes, at a character.
  ///
  /// Everything that the thread owns is made inside `body`; what it shares is Sendable.
  public init(_ name: String, _ body: @escaping @Sendable () -> Void) {
    var name = name
    while name.utf8.count > 15 { name.removeLast() }
    self.name = name
    // Retained once here, taken over once by the thread.
    let start = Unmanaged.passRetained(Start(name: self.name, body: body))
    var thread = pthread_t()
    let status = pthread_create(
      &thread, nil,
      { argument in
        let start = Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue()
        pthread_setname_np(pthread_self(), start.name)
        start.body()
        return nil
      }, start.toOpaque())
    precondition(status == 0, "pthread_create failed: \(status)")
    handle = thread
  }

  /// A thread that nobody waited for leaves nothing behind when it ends.
  deinit {
    if !isJoined.withLock({ $0 }) { pthread_detach(handle) }
  }

  /// Waits for its end. Call at most once, from another thread.
  public func join() {
    let isFirst = isJoined.withLock { joined in
      defer { joined = true }
      return !joined
    }
    precondition(isFirst, "\(name) was joined before")
    check(pthread_join(handle, nil), "pthread_join")
  }
}
