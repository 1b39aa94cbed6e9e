import Stock
import Testing

@testable import DrawService

@Suite struct SettlementTests {
  static let none = LeaseView(isValid: false, highestEpoch: 3)
  static let newer = LeaseView(isValid: true, highestEpoch: 4)

  @Test(arguments: [
    (StockEvent.Kind.claimed, true, goodLease, Settlement.claimed),
    (.claimed, true, none, .pending), (.claimed, true, newer, .pending),
    (.claimed, false, goodLease, .pending),
    (.released, true, goodLease, .waits), (.released, true, none, .waits),
    (.released, false, goodLease, .pending),
  ])
  func claimedNeedsTheAcknowledgementAndALeaseOfItsEpoch(
    kind: StockEvent.Kind, isAcknowledged: Bool, lease: LeaseView, expected: Settlement
  ) {
    #expect(
      Settlement(kind, epoch: 3, isAcknowledged: isAcknowledged, lease: lease) == expected)
  }

  @Test func releasesAreFreedOnlyUnderALeaseOfTheirEpoch() {
    func mayBeSent(_ kind: StockEvent.Kind, _ lease: LeaseView) -> Bool {
      Acknowledgement(activity: sampleActivity, epoch: 3, lastSeq: 1, kind: kind, releases: [])
        .mayBeSent(under: lease)
    }
    #expect(mayBeSent(.released, goodLease))
    #expect(!mayBeSent(.released, Self.none) && !mayBeSent(.released, Self.newer))
    #expect(mayBeSent(.claimed, Self.none) && mayBeSent(.claimed, Self.newer))
  }
}
