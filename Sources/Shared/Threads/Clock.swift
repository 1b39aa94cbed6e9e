import CLinux
import Glibc

/// A moment on CLOCK_MONOTONIC, for deadlines inside one process. Jumps of the wall clock don't touch it.
public struct MonotonicTime: Comparable, Hashable, Sendable {
  public let nanoseconds: Int64

  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  public static var now: MonotonicTime { MonotonicTime(nanoseconds: read(CLOCK_MONOTONIC)) }

  /// The moment that many milliseconds from now.
  public static func after(ms: Int) -> MonotonicTime { now.adding(ms: ms) }

  public func adding(ms: Int) -> MonotonicTime {
    MonotonicTime(nanoseconds: nanoseconds + Int64(ms) * 1_000_000)
  }

  public func microseconds(since earlier: MonotonicTime) -> Int64 {
    (nanoseconds - earlier.nanoseconds) / 1_000
  }

  /// Whole milliseconds from now until this moment, rounded up, 0 when it has passed: for poll calls.
  public var remainingMs: Int {
    let left = nanoseconds - Self.now.nanoseconds
    return left <= 0 ? 0 : Int((left + 999_999) / 1_000_000)
  }

  public static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }
}

/// A moment on CLOCK_BOOTTIME, for leases: it goes on while the machine is suspended, and so does everybody else.
public struct BootTime: Comparable, Hashable, Sendable {
  public let nanoseconds: Int64

  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  public static var now: BootTime { BootTime(nanoseconds: read(CLOCK_BOOTTIME)) }

  public func adding(ms: Int) -> BootTime {
    BootTime(nanoseconds: nanoseconds + Int64(ms) * 1_000_000)
  }

  public func milliseconds(since earlier: BootTime) -> Int64 {
    (nanoseconds - earlier.nanoseconds) / 1_000_000
  }

  public static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }
}

/// Milliseconds since 1970 by the machine's clock: for people and events, never for deadlines.
public func wallClockMs() -> Int64 { read(CLOCK_REALTIME) / 1_000_000 }

private func read(_ clock: clockid_t) -> Int64 {
  var time = timespec()
  check(clock_gettime(clock, &time), "clock_gettime")
  return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

/// Growing waits between tries, with jitter so that instances don't come back in step.
public struct Backoff: Sendable {
  public let initialMs: Int
  public let maximumMs: Int
  private var currentMs: Int
  private var jitter: UInt64

  /// The same `seed` gives the same waits.
  public init(
    initialMs: Int = 50, maximumMs: Int = 2_000, seed: UInt64 = .random(in: 0 ... .max)
  ) {
    precondition(initialMs > 0 && maximumMs >= initialMs)
    self.initialMs = initialMs
    self.maximumMs = maximumMs
    currentMs = initialMs
    jitter = seed
  }

  /// The next wait: between half of the current step and all of it; the step then doubles.
  public mutating func nextMs() -> Int {
    let step = currentMs
    currentMs = min(maximumMs, currentMs * 2)
    jitter = jitter &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return step / 2 + Int((jitter >> 33) % UInt64(step - step / 2 + 1))
  }

  /// After a success: start small again.
  public mutating func reset() { currentMs = initialMs }
}
