import CLinux
import Glibc

/// SIGTERM and SIGINT as values: blocked in every thread and waited for in one, which never loses a signal.
public enum Signals {
  /// Blocks the stop signals and ignores SIGPIPE. Call first thing in `main`, before any thread exists:
  /// threads inherit the mask.
  public static func prepare() {
    var stop = stopSet()
    check(pthread_sigmask(SIG_BLOCK, &stop, nil), "pthread_sigmask")
    signal(SIGPIPE, SIG_IGN)
  }

  /// Waits for the next SIGTERM or SIGINT until `deadline` (nil: for ever); nil when the deadline passed.
  public static func wait(until deadline: MonotonicTime? = nil) -> Int32? {
    var stop = stopSet()
    while true {
      let received: Int32
      if let deadline {
        let left = max(0, deadline.nanoseconds - MonotonicTime.now.nanoseconds)
        var time = timespec(
          tv_sec: Int(left / 1_000_000_000), tv_nsec: Int(left % 1_000_000_000))
        received = sigtimedwait(&stop, nil, &time)
      } else {
        received = sigwaitinfo(&stop, nil)
      }
      if received > 0 { return received }
      if errno == EAGAIN { return nil }
      // Another signal was handled: wait on.
      precondition(errno == EINTR, "waiting for a signal failed: \(errno)")
    }
  }

  private static func stopSet() -> sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    sigaddset(&set, SIGTERM)
    sigaddset(&set, SIGINT)
    return set
  }
}
