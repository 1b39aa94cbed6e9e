import RedisClient
import Stock
import Testing

@testable import DrawService

@Suite struct LaneOutcomeTests {
  private func outcome(_ requests: [DrawRequest], _ reply: RedisReply) -> LaneOutcome {
    LaneOutcome(.claim(sampleActivity, requests), reply, lease: goodLease)
  }

  @Test func newClaimsBecomeAnEntryAndAnswerNothingYet() throws {
    let requests = [sampleRequest(user: "ann"), sampleRequest(user: "bob", request: "r-2")]
    let result = outcome(
      requests,
      sampleReply(
        first: 8, last: 9,
        claimItem(1, slot: 17, seq: 8, "r-1") + claimItem(1, slot: 18, seq: 9, "r-2")))
    #expect(result.answers.isEmpty)
    let entry = try #require(result.entry)
    #expect(entry.id.lastSeq == 9)
    let expected = StockEvent(
      kind: .claimed, activity: sampleActivity, slot: 18, seq: 9, epoch: 3, user: "bob",
      request: "r-2", timeMs: 1_700_000_000_000)
    #expect(entry.events.last == expected)
  }

  @Test(
    arguments: [
      (2, Answer.claimed(slot: 17, request: "r-1", isReplay: true)),
      (4, .refused(.released)), (5, .pending(request: "r-1")), (6, .refused(.soldOut)),
      (7, .refused(.limitReached)), (8, .refused(.notOpen)), (9, .refused(.closed)),
      (10, .refused(.paused)), (11, .refused(.unavailable)), (13, .refused(.keyRequired)),
    ] as [(Int64, Answer)])
  func everyOtherCodeIsAnsweredAtOnce(code: Int64, answer: Answer) {
    let result = outcome([sampleRequest()], sampleReply(claimItem(code, slot: 17, seq: 8, "r-1")))
    #expect(result.answers.map(\.answer) == [answer])
    #expect(result.entry == nil)
    #expect(result.complaint == nil)
  }

  @Test func undecidedAndUnfinishedOnesAreAskedAgain() {
    let requests = [sampleRequest(), sampleRequest(user: "bob")]
    let result = outcome(
      requests, sampleReply(claimItem(3, slot: 1, seq: 1, "r-1") + claimItem(12, "r-1")))
    #expect(result.answers.isEmpty)
    #expect(result.undecided.map(\.user) == ["ann"])
    #expect(result.again.map(\.user) == ["bob"])
  }

  @Test(
    arguments: [(1, Refusal.fenced), (2, .overloaded), (3, .unknownActivity)] as [(Int64, Refusal)])
  func aRefusedCallRefusesAllOfIt(status: Int64, refusal: Refusal) {
    let result = outcome([sampleRequest(), sampleRequest()], sampleReply(status: status))
    #expect(result.answers.map(\.answer) == [.refused(refusal), .refused(refusal)])
  }

  @Test func anEntryHasEachOfItsNumbersOnce() {
    let items = [1, 3, 3].flatMap { claimItem(1, slot: 17, seq: $0, "r-1") }
    let result = outcome(
      Array(repeating: sampleRequest(), count: 3), sampleReply(first: 1, last: 3, items))
    #expect(result.entry == nil)
    #expect(result.complaint != nil)
  }

  @Test func anActivityThatCannotBeCountedIsNotDescribed() {
    let numbers: [RedisReply] = [.min, 1, 0, 1, 1].map(RedisReply.integer)
    let result = LaneOutcome(
      .look(sampleActivity, [sampleRequest(.describe)]),
      sampleReply([.string(Array("open".utf8))] + numbers), lease: goodLease)
    #expect(result.answers.map(\.answer) == [.refused(.unavailable)])
    #expect(result.complaint != nil)
  }

  @Test(arguments: [
    RedisReply.null, .error(RedisServerError(code: "OOM", message: "no memory")), .array([]),
    sampleReply(claimItem(99, "r-1")), sampleReply([.integer(1)]),
    // An entry that is not what the items say.
    sampleReply(first: 8, last: 9, claimItem(1, slot: 17, seq: 8, "r-1")),
    sampleReply(first: 0, last: 0, claimItem(1, slot: 17, seq: 8, "r-1")),
    // Events that a worker would refuse.
    sampleReply(first: 8, last: 8, claimItem(1, slot: 17, seq: 8, "r 1")),
    sampleReply(first: 8, last: 8, claimItem(1, slot: 0, seq: 8, "r-1")),
    sampleReply(first: .min, last: .min, claimItem(1, slot: 17, seq: .min, "r-1")),
    // A time that is none.
    .array([0, .max, 3, 0, 0, 1].map(RedisReply.integer) + claimItem(2, slot: 17, "r-1")),
  ])
  func whatIsNotUnderstoodIsUnknownAndSaid(reply: RedisReply) {
    let result = outcome([sampleRequest()], reply)
    #expect(result.answers.map(\.answer) == [.refused(.unavailable)])
    #expect(result.entry == nil)
    #expect(result.complaint != nil)
  }

  @Test(
    arguments: [
      (2, Answer.released(slot: 17, request: "r-1")), (3, .pending(request: "r-1")),
      (4, .pending(request: "r-1")), (5, .refused(.unknownRequest)), (6, .refused(.unavailable)),
    ] as [(Int64, Answer)])
  func releasesThatWriteNothingAreAnsweredAtOnce(code: Int64, answer: Answer) {
    let result = LaneOutcome(
      .release(sampleActivity, [sampleRequest(.release)]),
      sampleReply([.integer(code), .integer(17), .integer(8)]), lease: goodLease)
    #expect(result.answers.map(\.answer) == [answer])
  }

  @Test func aReleaseIsAnsweredOnlyWhenItsEntryIsAcknowledged() throws {
    let request = sampleRequest(.release)
    let marked = LaneOutcome(
      .release(sampleActivity, [request]),
      sampleReply(first: 9, last: 9, [.integer(1), .integer(17), .integer(9)]), lease: goodLease)
    #expect(marked.answers.isEmpty)
    let entry = try #require(marked.entry)
    #expect(entry.events.map(\.kind) == [.released])
    let acknowledgement = try #require(entry.report(isAcknowledged: true))
    let freed = LaneOutcome(
      .acknowledge(sampleActivity, [acknowledgement]), sampleReply([.integer(1)]),
      lease: goodLease)
    #expect(freed.answers.map(\.answer) == [.released(slot: 17, request: "r-1")])
    let lost = LaneOutcome.failed(.acknowledge(sampleActivity, [acknowledgement]))
    #expect(lost.answers.map(\.answer) == [.pending(request: "r-1")])
  }

  @Test func lookUpsTellHowARequestEndedAndWhatTheActivityIs() {
    let requests = [
      sampleRequest(.describe), sampleRequest(.look), sampleRequest(.look, request: "r-2"),
    ]
    let view: [RedisReply] =
      [.string(Array("open".utf8))] + [100, 40, 1_000, 2_000, 1].map(RedisReply.integer)
    let result = LaneOutcome(
      .look(sampleActivity, requests),
      sampleReply(view + [1, 17, 8, 5, 0, 0].map(RedisReply.integer)), lease: goodLease)
    #expect(
      result.answers.map(\.answer) == [
        .described(
          ActivityView(
            state: "open", total: 100, left: 60, opensMs: 1_000, closesMs: 2_000, limit: 1)),
        .claimed(slot: 17, request: "r-1", isReplay: true), .refused(.unknownRequest),
      ])
  }
}
