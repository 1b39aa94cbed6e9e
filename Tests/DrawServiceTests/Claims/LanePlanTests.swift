import Stock
import Testing
import Threads

@testable import DrawService

@Suite struct LanePlanTests {
  private let other = ActivityID(100_002)!

  private func acknowledgement(_ lastSeq: Int64) -> Acknowledgement {
    Acknowledgement(
      activity: sampleActivity, epoch: 3, lastSeq: lastSeq, kind: .claimed, releases: [])
  }

  private func names(_ plan: LanePlan) -> [String] {
    plan.calls.map { call in
      switch call {
      case .acknowledge(let activity, let entries): "acknowledge \(activity) \(entries.count)"
      case .release(let activity, let requests): "release \(activity) \(requests.count)"
      case .claim(let activity, let requests): "claim \(activity) \(requests.count)"
      case .look(let activity, let requests): "look \(activity) \(requests.count)"
      }
    }
  }

  @Test func oneCallForEachActivityAndKindInOrder() {
    let plan = LanePlan(
      requests: [
        sampleRequest(.look), sampleRequest(), sampleRequest(activity: other),
        sampleRequest(.release),
        sampleRequest(.describe), sampleRequest(user: "bob"),
      ],
      acknowledgements: [
        acknowledgement(1),
        acknowledgement(2),
      ], batchLimit: 10)
    #expect(
      names(plan) == [
        "acknowledge 100001 2", "release 100001 1", "claim 100001 2", "claim 100002 1",
        "look 100001 2",
      ])
  }

  @Test func aCallIsNeverLargerThanTheBatch() {
    let plan = LanePlan(
      requests: (0..<25).map { sampleRequest(user: "u\($0)") }, acknowledgements: [], batchLimit: 10
    )
    #expect(names(plan) == ["claim 100001 10", "claim 100001 10", "claim 100001 5"])
  }

  @Test func notAfterIsTheOldestRequestsDeadlineInRedisTime() {
    let now = MonotonicTime.now
    let clock = RedisClock(redisMs: 1_700_000_000_000, receivedAt: now)
    let limits = ClaimLimits(deadlineMs: 2_000)
    let bounds = limits.bounds(
      for: [sampleRequest(arrived: now), sampleRequest(arrived: now.adding(ms: -500))],
      epochSeen: 3, clock)
    #expect(bounds.notAfterMs == 1_700_000_001_500)
  }
}

@Suite struct AdmissionTests {
  private let now = MonotonicTime.now

  private func admit(
    _ requests: [DrawRequest], _ permits: Permits, lease: LeaseView = goodLease
  ) -> (admission: Admission, refused: [(request: DrawRequest, answer: Answer)]) {
    var batch = ReplyBatch()
    let admission = Admission(
      requests, deadlineMs: 1_000, permits: permits, lease: lease, now: now, &batch)
    return (admission, batch.answers)
  }

  /// A permit taken for it would never come back: nothing is carried out for it.
  @Test func whatWaitedTooLongIsRefusedAndTakesNoPermit() {
    let permits = Permits(limit: 10)
    let late = sampleRequest(arrived: now.adding(ms: -1_001))
    let (admission, refused) = admit([late], permits)
    #expect(admission.admitted.isEmpty)
    #expect(refused.map(\.answer) == [.refused(.overloaded)])
    #expect(permits.inUse == 0)
  }

  @Test func claimsAndReleasesBeyondThePermitsAreRefusedAndLookUpsAreNot() {
    let permits = Permits(limit: 2)
    let requests = [
      sampleRequest(.look, user: "a"), sampleRequest(user: "b"), sampleRequest(.release, user: "c"),
      sampleRequest(user: "d"), sampleRequest(.describe, user: "e"),
    ].map { $0.at(now) }
    let (admission, refused) = admit(requests, permits)
    #expect(admission.admitted.map(\.user) == ["a", "b", "c", "e"])
    #expect(refused.map(\.request.user) == ["d"])
    #expect(admission.taken == 2)
    #expect(permits.inUse == 2)
  }
}

extension AdmissionTests {
  /// What they would write might be void. A look writes nothing, and is judged by the lease after it.
  @Test func withoutALeaseNothingIsClaimedOrReleased() {
    let permits = Permits(limit: 10)
    let requests = [
      sampleRequest(user: "a"), sampleRequest(.release, user: "b"), sampleRequest(.look, user: "c"),
      sampleRequest(.describe, user: "d"),
    ].map { $0.at(now) }
    let (admission, refused) = admit(
      requests, permits, lease: LeaseView(isValid: false, highestEpoch: 3))
    #expect(admission.admitted.map(\.user) == ["c", "d"])
    #expect(refused.map(\.answer) == [.refused(.unavailable), .refused(.unavailable)])
    #expect(permits.inUse == 0)
  }
}

extension DrawRequest {
  fileprivate func at(_ moment: MonotonicTime) -> DrawRequest {
    DrawRequest(
      token: token, activity: activity, operation: operation, user: user, request: request,
      arrived: moment)
  }
}

@Suite struct PermitsTests {
  @Test func neverGivesMoreThanThereAre() {
    let permits = Permits(limit: 10)
    #expect(permits.take(upTo: 7) == 7)
    #expect(permits.take(upTo: 7) == 3)
    #expect(permits.take(upTo: 1) == 0)
    permits.giveBack(4)
    #expect(!permits.take(all: 5) && permits.inUse == 6)
    #expect(permits.take(all: 1))
    #expect(permits.take(upTo: 9) == 3)
    #expect(permits.inUse == 10)
  }

  /// Lanes that take all they get leave the relay room for an entry.
  @Test func keepsItsReserveForWholeEntries() {
    let permits = Permits(limit: 10, reserve: 4)
    #expect(permits.take(upTo: 9) == 6)
    #expect(permits.take(upTo: 1) == 0)
    #expect(permits.take(all: 4) && !permits.take(all: 1))
    permits.giveBack(5)
    #expect(permits.take(upTo: 9) == 1)
  }

  @Test func staysWithinItsLimitUnderContention() {
    let permits = Permits(limit: 5)
    let worst = Lock(0)
    let threads = (0..<4).map { number in
      NamedThread("taker-\(number)") {
        for _ in 0..<2_000 {
          let taken = permits.take(upTo: 3)
          worst.withLock { $0 = max($0, permits.inUse) }
          permits.giveBack(taken)
        }
      }
    }
    for thread in threads { thread.join() }
    #expect(worst.withLock { $0 } <= 5)
    #expect(permits.inUse == 0)
  }
}
