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

  @Test func aNameIsCutBetweenCharacters() {
    #expect(NamedThread("ünïcödé-thréad") {}.name == "ünïcödé-thr")
  }

  @Test func joiningTwiceIsAMistakeThatStops() async {
    await #expect(processExitsWith: .failure) {
      let thread = NamedThread("once") {}
      thread.join()
      thread.join()
    }
  }

  /// Were an ended thread kept for a join that never comes, its stack of 8 MB would be kept too.
  @Test func threadsThatNobodyJoinsLeaveNothingBehind() throws {
    let before = try addressSpaceKB()
    for _ in 0..<200 {
      let ended = Inbox<Void>(capacity: 1)
      _ = NamedThread("unjoined") { ended.close() }
      _ = ended.take(until: nil)
    }
    #expect(try addressSpaceKB() - before < 100 * 8_192)
  }

  private func addressSpaceKB() throws -> Int {
    var text = [UInt8](repeating: 0, count: 128)
    let descriptor = open("/proc/self/statm", O_RDONLY)
    defer { close(descriptor) }
    let length = read(descriptor, &text, text.count)
    let pages = String(decoding: text.prefix(max(0, length)), as: UTF8.self).prefix { $0 != " " }
    return try #require(Int(pages)) * 4
  }
}

@Suite struct LockTests {
  @Test func fourThreadsCountTogether() {
    let counter = Lock(0)
    let threads = (0..<4).map { number in
      NamedThread("counter-\(number)") {
        for _ in 0..<25_000 { counter.withLock { $0 += 1 } }
      }
    }
    for thread in threads { thread.join() }
    #expect(counter.withLock { $0 } == 100_000)
  }

  @Test func aThrowingBodyGivesTheLockBack() {
    struct Odd: Error, Equatable {}
    let lock = Lock(1)
    #expect(throws: Odd()) {
      try lock.withLock { (value: inout Int) throws(Odd) in
        value = 2
        throw Odd()
      }
    }
    #expect(lock.withLock { $0 } == 2)
  }
}
