import Testing
import Threads

@testable import ControlTopic

@Suite struct ReadStallTests {
  private let start = MonotonicTime.now
  private func at(_ ms: Int) -> MonotonicTime { start.adding(ms: ms) }

  private func stalled() -> ReadStall {
    var stall = ReadStall()
    stall.acknowledged(7, position: 7, now: at(0))
    return stall
  }

  @Test func whatIsReadInTimeNeedsNothing() {
    var stall = ReadStall()
    stall.acknowledged(6, position: 7, now: at(0))
    #expect(stall.due(isConnected: true, now: at(100_000)) == nil, "it was read already")
    stall.acknowledged(7, position: 7, now: at(0))
    #expect(stall.due(isConnected: true, now: at(1_999)) == nil)
    stall.read(from: 7, to: 8, now: at(1_999))
    #expect(stall.due(isConnected: true, now: at(100_000)) == nil)
  }

  @Test func afterSomeTriesThePausesDoubleUpToAMinute() {
    var stall = stalled()
    var nowMs = 0
    let quick = Array(repeating: 2_000, count: ReadStall.quickTries)
    for pauseMs in quick + [4_000, 8_000, 16_000, 32_000, 60_000, 60_000] {
      #expect(stall.due(isConnected: true, now: at(nowMs + pauseMs - 1)) == nil)
      nowMs += pauseMs
      #expect(stall.due(isConnected: true, now: at(nowMs)) == 7)
    }
  }

  @Test func aRecordThatIsReadMakesThePauseShortAgain() {
    var stall = stalled()
    for number in 1...ReadStall.quickTries {
      #expect(stall.due(isConnected: true, now: at(number * 2_000)) == 7)
    }
    stall.read(from: 6, to: 0, now: at(21_000))
    #expect(stall.due(isConnected: true, now: at(24_999)) == nil, "going back is no reading")
    stall.read(from: 0, to: 6, now: at(24_999))
    #expect(stall.due(isConnected: true, now: at(26_998)) == nil)
    #expect(stall.due(isConnected: true, now: at(26_999)) == 7, "another one than the missing one")
  }

  @Test func withoutABrokerItWaits() {
    var stall = stalled()
    #expect(stall.due(isConnected: false, now: at(50_000)) == nil)
    #expect(stall.due(isConnected: true, now: at(51_999)) == nil)
    #expect(stall.due(isConnected: true, now: at(52_000)) == 7)
  }
}
