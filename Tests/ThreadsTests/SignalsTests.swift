import Glibc
import Testing
import Threads

/// In processes of their own: a signal mask and an ignored signal are the whole process's.
///
/// Signals are sent to the thread itself, for the test runner's other threads don't block them.
@Suite struct SignalsTests {
  @Test func stopSignalsAreValuesAndNoneIsLost() async {
    await #expect(processExitsWith: .success) {
      Signals.prepare()
      raise(SIGTERM)
      raise(SIGINT)
      let received = [Signals.wait(), Signals.wait(until: .after(ms: 5_000))]
      precondition(Set(received) == [SIGTERM, SIGINT])
      precondition(Signals.wait(until: .now) == nil)
      let start = MonotonicTime.now
      precondition(Signals.wait(until: start.adding(ms: 30)) == nil)
      precondition(start.adding(ms: 30) <= .now)
    }
  }

  @Test func aBrokenPipeIsAnErrorAndNoDeath() async {
    await #expect(processExitsWith: .success) {
      Signals.prepare()
      var ends: [Int32] = [0, 0]
      precondition(pipe(&ends) == 0)
      close(ends[0])
      precondition(write(ends[1], "x", 1) == -1 && errno == EPIPE)
    }
  }

  @Test func threadsStartedLaterLeaveTheSignalsToTheWaiter() async {
    await #expect(processExitsWith: .success) {
      Signals.prepare()
      NamedThread("later") {
        var mask = sigset_t()
        precondition(pthread_sigmask(SIG_BLOCK, nil, &mask) == 0)
        precondition(sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGINT) == 1)
      }.join()
    }
  }
}
