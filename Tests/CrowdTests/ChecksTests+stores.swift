import Testing

@testable import Crowd

extension ChecksTests {
  // MARK: 4 applied once

  @Test func theSurplusIsWrong() {
    var scene = Scene()
    scene.evidence.postgres.surplus += 1
    #expect(scene.broken == [4])
  }

  @Test func theStoresDifferInASeq() {
    var scene = Scene()
    scene.evidence.postgres.claims[1]?.seq += 1
    #expect(scene.broken == [4])
  }

  @Test func theStoresDifferInStock() {
    var scene = Scene()
    scene.evidence.redis.total = 11
    #expect(scene.broken == [4])
  }

  @Test func theOutboxIsNotEmpty() {
    var scene = Scene()
    scene.evidence.redis.outboxLength = 1
    scene.evidence.redis.outboxCount = 1
    #expect(scene.broken == [4])
  }

  @Test func theCountersOfRedisAreWrong() {
    var scene = Scene()
    scene.evidence.redis.lockCount += 1
    #expect(scene.broken == [4])
    scene.recount()
    scene.evidence.redis.outboxCount = 1
    #expect(scene.broken == [4])
  }

  @Test func aDeadLetter() {
    var scene = Scene()
    scene.evidence.postgres.deadLetters = 1
    #expect(scene.broken == [4])
  }

  @Test func aLockThatCannotBeRead() {
    var scene = Scene()
    scene.evidence.redis.add(lock: "9", holder: "u9 r9 x 1")
    #expect(scene.broken == [4])
    scene.evidence.redis.oddities = []
    scene.evidence.redis.add(lock: "9", holder: "u9 r9 17 2 r")
    #expect(
      scene.evidence.redis.releasing[9]
        == Holder(user: "u9", request: "r9", seq: 17, epoch: 2))
  }

  // MARK: 5 one request, one answer

  @Test func aRepeatIsToldAnotherSlot() {
    var scene = Scene()
    scene.stories[0].add(.ask, at: 30, 40, .claimed(slot: 2, request: "r1", replayed: true))
    #expect(scene.broken == [5])
  }

  @Test func aRepeatIsToldThatItIsNew() {
    var scene = Scene()
    scene.stories[0].add(.ask, at: 30, 40, .claimed(slot: 1, request: "r1", replayed: false))
    #expect(scene.broken == [5])
  }

  @Test func aRepeatIsToldAnotherRequest() {
    var scene = Scene()
    scene.stories[0].add(.ask, at: 30, 40, .claimed(slot: 1, request: "zz", replayed: true))
    #expect(scene.broken == [5])
  }

  @Test(arguments: ["sold_out", "limit_reached", "unknown_request"])
  func aNoAboutASlotThatTheyHold(_ code: String) {
    var scene = Scene()
    scene.stories[0].add(.look, at: 30, 40, .refused(code))
    #expect(scene.broken == [5])
  }

  @Test func aNoThatWasOnItsWayBeforeTheClaimWasToldIsFine() {
    var scene = Scene()
    scene.stories[0].add(.ask, at: 15, 40, .refused("sold_out"))
    #expect(scene.findings == [])
  }

  @Test func aNoToSomebodyWhoHoldsTheSlotInTheEnd() {
    var scene = Scene()
    scene.hold(10, "n0", "q0")
    scene.recount()
    #expect(scene.broken == [5])
    #expect(scene.findings.count == 2)  // in each store
  }

  @Test func aSlotHeldUnderARequestThatNobodyMade() {
    var scene = Scene()
    scene.hold(10, "ghost", "g")
    scene.recount()
    #expect(scene.broken == [5])
    scene.rules.isShared = true
    #expect(scene.findings == [])
  }

  @Test func aUserOverTheLimit() {
    var scene = Scene()
    var story = Story(user: "u1", request: "second")
    story.add(.ask, at: 30, 40, .claimed(slot: 10, request: "second", replayed: false))
    scene.stories.append(story)
    scene.hold(10, "u1", "second")
    scene.recount()
    #expect(scene.broken == [5])
    scene.rules.limit = 2
    #expect(scene.findings == [])
  }

  @Test func aRequestWithTwoSlots() {
    var scene = Scene()
    scene.rules.limit = 5
    scene.hold(10, "u1", "r1")
    scene.recount()
    #expect(scene.broken.contains(5))
  }

  @Test func aReleasedRequestIsClaimedAgain() {
    var scene = Scene()
    scene.stories[8].add(.ask, at: 50, 60, .claimed(slot: 9, request: "r9", replayed: true))
    #expect(scene.broken == [5])
  }

  @Test(arguments: [
    Answer.pending(request: "p"), .unknown("cut"), .later("unavailable", afterMs: 1_000),
  ])
  func aDrawThatIsNeverDecided(_ answer: Answer) {
    var scene = Scene()
    var story = Story(user: "p", request: "p")
    story.add(.ask, at: 1, 2, answer)
    scene.stories.append(story)
    #expect(scene.broken == [5])
    // Either outcome is right then.
    scene.hold(10, "p", "p")
    scene.recount()
    #expect(scene.findings.count == 1)
  }

  @Test func aGiveBackThatIsNeverConfirmed() {
    var scene = Scene()
    scene.stories[0].add(.giveBack, at: 30, 40, .pending(request: "r1"))
    #expect(scene.broken == [5])
  }

  // MARK: 6 well formed

  @Test func aReplyThatTheAPIDoesNotHave() {
    var scene = Scene()
    scene.stories[0].add(.look, at: 30, 40, .wrong("500"))
    #expect(scene.broken == [6])
  }
}
