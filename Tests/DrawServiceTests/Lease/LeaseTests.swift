import Testing
import Threads

@testable import DrawService

@Suite struct LeaseTests {
  private let start = BootTime(nanoseconds: 1_000_000_000)
  private func at(_ ms: Int) -> BootTime { start.adding(ms: ms) }

  private func lease() -> Lease { Lease(durationMs: 5_000) }

  @Test func beginsWithNothing() {
    let lease = lease()
    #expect(lease.validUntil == nil && !lease.view(at: start).isValid)
    #expect(lease.highestEpoch == 0 && lease.obstacle == .notSent)
  }

  /// Whichever comes last, acknowledged or read past, confirms; and it counts from the sending.
  @Test(arguments: [true, false]) func holdsFromTheSendingOnceAcknowledgedAndReadPast(
    readsFirst: Bool
  ) {
    var lease = lease()
    lease.sent(ticket: 1, at: at(0))
    if readsFirst {
      lease.read(position: 8, highestEpoch: 2)
      #expect(lease.validUntil == nil)
      lease.acknowledged(ticket: 1, offset: 7)
    } else {
      lease.acknowledged(ticket: 1, offset: 7)
      #expect(lease.validUntil == nil && lease.obstacle == .notRead)
      lease.read(position: 7, highestEpoch: nil)  // up to it is not past it
      #expect(lease.validUntil == nil)
      lease.read(position: 8, highestEpoch: 2)
    }
    #expect(lease.validUntil == at(5_000))
    #expect(lease.outstandingCount == 0)
    #expect(lease.view(at: at(4_999)) == LeaseView(isValid: true, highestEpoch: 2))
    #expect(!lease.view(at: at(5_000)).isValid, "strictly before its end")
  }

  @Test func readingAloneIsNoLease() {
    var lease = lease()
    lease.read(position: 100, highestEpoch: 1)
    lease.sent(ticket: 1, at: at(0))
    lease.read(position: 200, highestEpoch: nil)
    #expect(lease.validUntil == nil && lease.obstacle == .notAcknowledged)
  }

  @Test func aLaterHeartbeatProlongsAndAnEarlierOneDoesNotShorten() {
    var lease = lease()
    lease.read(position: 100, highestEpoch: 1)
    for (ticket, ms) in [(1, 0), (2, 1_000), (3, 2_000)] { lease.sent(ticket: ticket, at: at(ms)) }
    lease.acknowledged(ticket: 2, offset: 11)
    #expect(lease.validUntil == at(6_000))
    #expect(lease.outstandingCount == 1, "what is older says nothing new")
    lease.acknowledged(ticket: 1, offset: 10)
    #expect(lease.validUntil == at(6_000))
    lease.acknowledged(ticket: 3, offset: 12)
    #expect(lease.validUntil == at(7_000))
  }

  @Test func aFailedHeartbeatGivesNothingEvenIfItIsRead() {
    var lease = lease()
    lease.sent(ticket: 1, at: at(0))
    lease.failed(ticket: 1)
    lease.read(position: 100, highestEpoch: nil)
    lease.acknowledged(ticket: 1, offset: 3)
    lease.acknowledged(ticket: 99, offset: 3)
    #expect(lease.validUntil == nil)
  }

  @Test func theHighestEpochCountsNotTheLast() {
    var lease = lease()
    lease.read(position: 1, highestEpoch: 5)
    lease.read(position: 2, highestEpoch: 4)
    lease.read(position: 3, highestEpoch: nil)
    #expect(lease.highestEpoch == 5)
  }

  /// A topic that was cut short is read again from its beginning.
  @Test func afterThePositionWentBackItMustBeReadAgain() {
    var lease = lease()
    lease.read(position: 100, highestEpoch: 1)
    lease.sent(ticket: 1, at: at(0))
    lease.read(position: 0, highestEpoch: nil)
    lease.acknowledged(ticket: 1, offset: 60)
    #expect(lease.validUntil == nil)
    lease.read(position: 61, highestEpoch: 2)
    #expect(lease.validUntil == at(5_000) && lease.highestEpoch == 2)
  }

  @Test func heartbeatsOutstandingAreBounded() {
    var lease = lease()
    var sent = 0
    while lease.canSend(at: at(sent)) && sent < 1_000 {
      lease.sent(ticket: sent, at: at(sent))
      sent += 1
    }
    #expect(sent == Lease.outstandingLimit)
    lease.failed(ticket: 0)
    #expect(lease.canSend(at: at(sent)))
  }

  /// Acknowledged in a topic that was cut short, and never to be read: they make room for those that will be.
  @Test func heartbeatsThatAreWorthNothingAreForgotten() {
    var lease = lease()
    for ticket in 0..<Lease.outstandingLimit {
      lease.sent(ticket: ticket, at: at(ticket))
      lease.acknowledged(ticket: ticket, offset: 1_000)
    }
    #expect(!lease.canSend(at: at(4_999)))
    #expect(lease.canSend(at: at(5_000)), "the first one's lease would be over")
    lease.sent(ticket: 100, at: at(5_005))
    #expect(lease.outstandingCount == Lease.outstandingLimit - 5)
    lease.acknowledged(ticket: 100, offset: 7)
    lease.read(position: 8, highestEpoch: nil)
    #expect(lease.validUntil == at(10_005))
  }

  @Test func coversItsEpochAndNewerOnesWhileItHolds() {
    let valid = LeaseView(isValid: true, highestEpoch: 3)
    #expect(!valid.covers(2) && valid.covers(3) && valid.covers(4))
    #expect(!LeaseView(isValid: false, highestEpoch: 3).covers(4))
  }

  @Test func theHolderShowsWhatWasPublished() {
    let holder = LeaseHolder()
    #expect(holder.view() == LeaseView(isValid: false, highestEpoch: 0))
    var lease = lease()
    lease.sent(ticket: 1, at: .now)
    lease.acknowledged(ticket: 1, offset: 0)
    lease.read(position: 1, highestEpoch: 7)
    holder.publish(lease)
    #expect(holder.view() == LeaseView(isValid: true, highestEpoch: 7))
    #expect(holder.epochSeen == 7)
  }
}
