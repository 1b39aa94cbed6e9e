import Glibc
import Testing
import Threads

@Suite struct ClockTests {
  @Test func backoffDoublesUpToItsMaximumAndStartsSmallAgain() {
    var backoff = Backoff(initialMs: 10, maximumMs: 40)
    for step in [10, 20, 40, 40] {
      let wait = backoff.nextMs()
      #expect((step / 2...step).contains(wait))
    }
    backoff.reset()
    #expect((5...10).contains(backoff.nextMs()))
  }

  @Test func remainingRoundsUpAndNeverGoesBelowZero() {
    #expect(MonotonicTime.after(ms: 1_000).remainingMs > 900)
    #expect(MonotonicTime(nanoseconds: 0).remainingMs == 0)
  }
}

@Suite struct NamedThreadTests {
  @Test func runsUnderItsNameCutToWhatTheKernelTakes() {
    let seen = Lock("")
    NamedThread("a-name-longer-than-fifteen") {
      var name = [UInt8](repeating: 0, count: 32)
      let descriptor = open("/proc/thread-self/comm", O_RDONLY)
      let length = read(descriptor, &name, name.count)
      close(descriptor)
      seen.withLock { $0 = String(decoding: name.prefix(max(0, length - 1)), as: UTF8.self) }
    }.join()
    #expect(seen.withLock { $0 } == "a-name-longer-t")
  }
}
