import RedisClient
import Stock
import Testing

@testable import DrawService

/// What Redis says is told only under a lease that covers the epoch which the script read (3 in the samples).
@Suite struct LaneOutcomeLeaseTests {
  static let uncovered = [
    LeaseView(isValid: false, highestEpoch: 3), LeaseView(isValid: true, highestEpoch: 4),
  ]

  @Test(arguments: uncovered, [4, 6, 7, 8, 9, 10, 13] as [Int64])
  func aNoIsUnavailable(_ lease: LeaseView, code: Int64) {
    let outcome = LaneOutcome(
      .claim(sampleActivity, [sampleRequest()]),
      sampleReply(claimItem(code, slot: 17, seq: 8, "r-1")), lease: lease)
    #expect(outcome.answers.map(\.answer) == [.refused(.unavailable)])
  }

  @Test(arguments: uncovered) func aRepeatOfADecidedClaimIsPending(_ lease: LeaseView) {
    let outcome = LaneOutcome(
      .claim(sampleActivity, [sampleRequest()]),
      sampleReply(claimItem(2, slot: 17, seq: 8, "r-1")), lease: lease)
    #expect(outcome.answers.map(\.answer) == [.pending(request: "r-1")])
  }

  @Test(arguments: uncovered) func looksTellNothingFinal(_ lease: LeaseView) {
    let view: [RedisReply] =
      [.string(Array("open".utf8))] + [100, 40, 1_000, 2_000, 1].map(RedisReply.integer)
    let items: [Int64] = [1, 17, 8, 4, 17, 8, 5, 0, 0, 2, 17, 8]
    let outcome = LaneOutcome(
      .look(
        sampleActivity,
        [sampleRequest(.describe)] + (1...4).map { sampleRequest(.look, request: "r-\($0)") }),
      sampleReply(view + items.map(RedisReply.integer)), lease: lease)
    #expect(
      outcome.answers.map(\.answer) == [
        .refused(.unavailable), .pending(request: "r-1"), .pending(request: "r-2"),
        .refused(.unavailable), .pending(request: "r-4"),
      ])
  }

  @Test(arguments: uncovered) func releasesArePendingAndUnknownOnesUnavailable(_ lease: LeaseView) {
    let outcome = LaneOutcome(
      .release(sampleActivity, [sampleRequest(.release), sampleRequest(.release)]),
      sampleReply([2, 17, 8, 5, 0, 0].map(RedisReply.integer)), lease: lease)
    #expect(outcome.answers.map(\.answer) == [.pending(request: "r-1"), .refused(.unavailable)])
    let freed = LaneOutcome(
      .acknowledge(
        sampleActivity,
        [
          Acknowledgement(
            activity: sampleActivity, epoch: 3, lastSeq: 9, kind: .released,
            releases: [(sampleRequest(.release), 17)])
        ]), sampleReply([.integer(1)]), lease: lease)
    #expect(freed.answers.map(\.answer) == [.pending(request: "r-1")])
  }

  @Test(arguments: uncovered) func anUnknownActivityIsNo404(_ lease: LeaseView) {
    let outcome = LaneOutcome(
      .look(sampleActivity, [sampleRequest(.look)]), sampleReply(status: 3), lease: lease)
    #expect(outcome.answers.map(\.answer) == [.refused(.unavailable)])
  }

  /// The event is in the outbox, whatever the lease says now: it goes to Kafka under the epoch that the script read.
  @Test(arguments: uncovered) func aClaimThatWasMadeIsPublished(_ lease: LeaseView) throws {
    let outcome = LaneOutcome(
      .claim(sampleActivity, [sampleRequest()]),
      sampleReply(first: 8, last: 8, claimItem(1, slot: 17, seq: 8, "r-1")), lease: lease)
    #expect(outcome.answers.isEmpty)
    let entry = try #require(outcome.entry)
    #expect(entry.id == OutboxEntry.ID(activity: sampleActivity, epoch: 3, lastSeq: 8))
    #expect(entry.events.map(\.epoch) == [3])
  }

  @Test func aFencedReplySaysWhy() {
    for reason in 1...5 as ClosedRange<Int64> {
      let outcome = LaneOutcome(
        .claim(sampleActivity, [sampleRequest()]), sampleReply(status: 1, first: reason),
        lease: goodLease)
      #expect(outcome.answers.map(\.answer) == [.refused(.fenced)])
      #expect(outcome.fence == FenceReason(rawValue: reason) && outcome.fence != nil)
    }
  }
}
