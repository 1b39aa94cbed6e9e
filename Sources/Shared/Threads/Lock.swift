import CLinux
import Glibc

/// A value that only one thread at a time can touch.
///
/// A `pthread_mutex_t` rather than `Synchronization.Mutex`: contended it is the faster of the two, and
/// the thread sanitizer understands it. Never hold it across I/O. Unchecked: `value` is touched with the
/// mutex held, and by nothing else.
public final class Lock<Value: Sendable>: @unchecked Sendable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private var value: Value

  public init(_ value: Value) {
    self.value = value
    mutex = .allocate(capacity: 1)
    mutex.initialize(to: pthread_mutex_t())
    check(pthread_mutex_init(mutex, nil), "pthread_mutex_init")
  }

  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deinitialize(count: 1)
    mutex.deallocate()
  }

  /// Runs `body` with the value, alone.
  public func withLock<Result, Failure: Error>(
    _ body: (inout Value) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body(&value)
  }
}

/// A mutex with a condition on the monotonic clock: what `Inbox` waits with. Unchecked: pthread makes both
/// safe to use from any thread, and the pointers never change.
final class Monitor: @unchecked Sendable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>

  init() {
    mutex = .allocate(capacity: 1)
    condition = .allocate(capacity: 1)
    mutex.initialize(to: pthread_mutex_t())
    condition.initialize(to: pthread_cond_t())
    check(pthread_mutex_init(mutex, nil), "pthread_mutex_init")
    var attributes = pthread_condattr_t()
    check(pthread_condattr_init(&attributes), "pthread_condattr_init")
    check(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC), "pthread_condattr_setclock")
    check(pthread_cond_init(condition, &attributes), "pthread_cond_init")
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  func lock() { pthread_mutex_lock(mutex) }
  func unlock() { pthread_mutex_unlock(mutex) }
  func signalAll() { pthread_cond_broadcast(condition) }

  /// Waits, with the lock held, until signalled or `deadline`; nil waits without one. Wakes spuriously.
  func wait(until deadline: MonotonicTime?) {
    guard let deadline else {
      pthread_cond_wait(condition, mutex)
      return
    }
    var until = timespec(
      tv_sec: Int(deadline.nanoseconds / 1_000_000_000),
      tv_nsec: Int(deadline.nanoseconds % 1_000_000_000))
    pthread_cond_timedwait(condition, mutex, &until)
  }
}

/// These calls fail only on misuse; going on would be worse than stopping.
func check(_ status: Int32, _ call: StaticString) {
  precondition(status == 0, "\(call) failed: \(status)")
}
