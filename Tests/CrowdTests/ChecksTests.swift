import Testing

@testable import Crowd

/// Each check catches the violation that is planted for it, and nothing else is found.
@Suite struct ChecksTests {
  @Test func aWorldThatKeepsItsPromisesHasNoFindings() {
    #expect(Scene().findings == [])
    var sold = Scene(held: 10, released: 0)
    sold.rules.untilHeld = true
    #expect(sold.findings == [])
  }

  // MARK: 1 never oversold

  @Test func twoUsersToldTheSameSlotAtTheSameTime() {
    var scene = Scene()
    scene.stories[1] = Story(user: "u2", request: "r2")
    scene.stories[1].add(.ask, at: 10, 20, .claimed(slot: 1, request: "r2", replayed: false))
    #expect(scene.broken.contains(1))
  }

  @Test func aSlotSoldAgainAfterItWasGivenBackIsFine() {
    var scene = Scene()
    var story = Story(user: "late", request: "l")
    story.add(.ask, at: 31, 50, .claimed(slot: 9, request: "l", replayed: false))
    scene.stories.append(story)
    scene.hold(9, "late", "l")
    scene.recount()
    #expect(scene.findings == [])
  }

  @Test func aSlotSoldAgainBeforeItWasGivenBack() {
    var scene = Scene()
    var story = Story(user: "early", request: "e")
    story.add(.ask, at: 21, 29, .claimed(slot: 9, request: "e", replayed: false))
    scene.stories.append(story)
    scene.hold(9, "early", "e")
    scene.recount()
    #expect(scene.broken == [1])
  }

  @Test(arguments: [0, 11]) func aSlotOutsideTheStockIsTold(_ slot: Int) {
    var scene = Scene()
    var story = Story(user: "x", request: "x")
    story.add(.ask, at: 1, 2, .claimed(slot: slot, request: "x", replayed: false))
    scene.stories.append(story)
    scene.hold(slot, "x", "x")
    scene.recount()
    #expect(scene.broken == [1])
  }

  @Test func moreLocksThanStock() {
    var scene = Scene()
    for slot in 9...11 { scene.evidence.redis.locks[slot] = scene.evidence.redis.locks[1] }
    #expect(scene.broken.contains(1))
  }

  // MARK: 2 never undersold

  @Test func aSlotThatNobodyHoldsInTheEnd() {
    var scene = Scene(held: 9, released: 1)
    scene.rules.untilHeld = true
    #expect(scene.broken == [2])
    #expect(scene.findings.count == 3)  // told, Postgres, surplus
  }

  @Test func aReleaseThatNeverEnds() {
    var scene = Scene()
    scene.evidence.redis.releasing[9] = Holder(user: "u9", request: "r9", seq: 9, epoch: 1)
    scene.recount()
    #expect(scene.broken == [2])
  }

  // MARK: 3 claimed stays

  @Test func aClaimIsMissingInRedis() {
    var scene = Scene()
    scene.evidence.redis.locks[3] = nil
    scene.recount()
    #expect(scene.broken == [3, 4])
  }

  @Test func aClaimIsMissingInPostgres() {
    var scene = Scene()
    scene.evidence.postgres.claims[3] = nil
    scene.recount()
    #expect(scene.broken == [3, 4])
  }

  @Test func aClaimMovedToAnotherSlot() {
    var scene = Scene()
    scene.evidence.redis.locks[3] = nil
    scene.evidence.postgres.claims[3] = nil
    scene.hold(10, "u3", "r3")
    scene.recount()
    #expect(scene.broken == [3])
  }

  @Test func aReleasedSlotIsStillHeld() {
    var scene = Scene()
    scene.hold(9, "u9", "r9")
    scene.recount()
    #expect(scene.broken == [3])
  }

  @Test func releasedIsToldToSomebodyWhoGaveNothingBack() {
    var scene = Scene()
    scene.stories[0].add(.look, at: 30, 40, .released)
    #expect(scene.broken.contains(3))
  }
}
