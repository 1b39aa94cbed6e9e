import Testing
import Threads

@testable import DrawService

@Suite struct LeaseWatchTests {
  private let start = BootTime(nanoseconds: 1_000_000_000)
  private func at(_ ms: Int) -> BootTime { start.adding(ms: ms) }

  /// Turns of a second each, the first one at `fromMs`, the last one at `toMs`; what they told.
  private func turns(
    _ watch: inout LeaseWatch, _ lease: Lease, from fromMs: Int, to toMs: Int
  ) -> [LeaseWatch.Change] {
    stride(from: fromMs, through: toMs, by: 1_000).compactMap { watch.turn(lease, at: at($0)) }
  }

  /// Valid for 5 s from `sentMs` on.
  private func renew(_ lease: inout Lease, at sentMs: Int) {
    lease.sent(ticket: sentMs, at: at(sentMs))
    lease.acknowledged(ticket: sentMs, offset: Int64(sentMs))
    lease.read(position: Int64(sentMs) + 1, highestEpoch: nil)
  }

  private func loss(isAlarm: Bool = true, _ why: LeaseObstacle, _ ms: Int64) -> LeaseWatch.Change {
    .lost(LeaseWatch.Loss(isAlarm: isAlarm, why: why, sinceMs: ms))
  }

  @Test func gainAndLossAreToldOnce() {
    var lease = Lease(durationMs: 5_000)
    var watch = LeaseWatch(start: start, durationMs: 5_000)
    #expect(watch.turn(lease, at: at(0)) == nil)
    renew(&lease, at: 0)
    #expect(turns(&watch, lease, from: 0, to: 4_000) == [.gained])
    #expect(turns(&watch, lease, from: 5_000, to: 100_000) == [loss(.notSent, 0)])
    renew(&lease, at: 101_000)
    #expect(turns(&watch, lease, from: 101_000, to: 105_000) == [.gained])
  }

  @Test func aLossSoonAfterAnAlarmIsAWarning() {
    var lease = Lease(durationMs: 5_000)
    var watch = LeaseWatch(start: start, durationMs: 5_000)
    renew(&lease, at: 0)
    #expect(turns(&watch, lease, from: 0, to: 10_000) == [.gained, loss(.notSent, 0)])
    renew(&lease, at: 11_000)
    #expect(
      turns(&watch, lease, from: 11_000, to: 20_000)
        == [.gained, loss(isAlarm: false, .notSent, 0)])
  }

  @Test func aFirstLeaseThatDoesNotComeIsToldOnce() {
    var lease = Lease(durationMs: 5_000)
    var watch = LeaseWatch(start: start, durationMs: 5_000)
    lease.sent(ticket: 1, at: at(0))
    #expect(turns(&watch, lease, from: 0, to: 9_000).isEmpty)
    #expect(turns(&watch, lease, from: 10_000, to: 99_000) == [loss(.notAcknowledged, 10_000)])
    renew(&lease, at: 100_000)
    #expect(turns(&watch, lease, from: 100_000, to: 104_000) == [.gained])
  }

  /// Nobody is sent to Kafka for a process that was stopped; they are if the lease does not come back.
  @Test func whoWasStoppedIsWarnedOfAndCalledForOnlyIfItLasts() {
    var lease = Lease(durationMs: 5_000)
    var watch = LeaseWatch(start: start, durationMs: 5_000)
    renew(&lease, at: 0)
    #expect(turns(&watch, lease, from: 0, to: 2_000) == [.gained])
    #expect(watch.turn(lease, at: at(7_000)) == loss(isAlarm: false, .stopped, 2_000))
    #expect(turns(&watch, lease, from: 8_000, to: 16_000).isEmpty)
    #expect(turns(&watch, lease, from: 17_000, to: 99_000) == [loss(.notSent, 12_000)])
  }

  @Test func whoIsStoppedBeforeTheFirstLeaseHasItsTimeAgain() {
    let lease = Lease(durationMs: 5_000)
    var watch = LeaseWatch(start: start, durationMs: 5_000)
    #expect(watch.turn(lease, at: at(50_000)) == nil)
    #expect(turns(&watch, lease, from: 51_000, to: 59_000).isEmpty)
    #expect(watch.turn(lease, at: at(60_000)) == loss(.notSent, 60_000))
  }
}
