import Foundation
import Testing

@testable import Checker

/// No false alarm: where an outcome was not told, either is right.
@Suite struct CleanTests {
  private func expectClean(_ scene: Scene, _ comment: Comment) throws {
    let verdict = try scene.verdict()
    #expect(verdict.violations == [], comment)
    #expect(verdict.problems == [], comment)
  }

  @Test func aSaleWithARecovery() throws {
    let verdict = try Scene.clean().verdict()
    #expect(verdict.violations == [])
    #expect(verdict.problems == [])
    #expect(verdict.backMs.count == 2)
    #expect(verdict.backMs[0] == 1_005)
    #expect(verdict.backMs[1] != nil)
    #expect(
      verdict.counts == [
        "answers": 18, "claimed": 6, "released": 1, "refused": 1, "unknown": 3, "slots": 5,
        "events": 9, "barriers": 2, "void": 1, "duplicates": 2, "deadLetters": 1, "epoch": 2,
        "samples": 40,
      ])
  }

  @Test func aGiveBackWhoseOutcomeNobodyKnows() throws {
    var kept = Scene.clean()
    kept.tell("ann", "a1", "giveBack", "unknown")
    try expectClean(kept, "it did not work")
    kept.tell("ann", "a1", "look", "refused", code: "unknown_request")
    try expectClean(kept, "it may be working")
    var gone = Scene.clean()
    gone.round.activities[0].untilHeld = false
    gone.release("ann", "a1", 1, answer: "unknown")
    try expectClean(gone, "it worked")
    gone.claim("ike", "i1", 1)
    try expectClean(gone, "and the slot is another's")
  }

  @Test func aLostCallMayClaimBehindAPlainNo() throws {
    var scene = Scene.clean()
    scene.round.activities[0].untilHeld = false
    scene.release("ann", "a1", 1)
    scene.tell("ike", "i1", "ask", "unknown")
    scene.tell("ike", "i1", "ask", "refused", code: "sold_out")
    scene.claim("ike", "i1", 1, answer: "later")
    try expectClean(scene, "a 503 claimed")
  }

  @Test func anAskWithoutAKeyMayHoldUnderAnyName() throws {
    var scene = Scene.clean()
    scene.round.activities[0].untilHeld = false
    scene.release("ann", "a1", 1)
    scene.claim("ike", "i1", 1, answer: "unknown", isKeyed: false)
    scene.told[scene.told.count - 1].request = nil
    try expectClean(scene, "nobody was told its name")
  }

  @Test func whoAsksWithoutAKeyMayEndUnderASecondName() throws {
    var scene = Scene.clean()
    scene.round.activities[0].untilHeld = false
    scene.release("ann", "a1", 1)
    scene.tell("ike", "i1", "ask", "pending", isKeyed: false)
    scene.claim("ike", "i2", 1, isKeyed: false)
    scene.told[scene.told.count - 1].request = "i1"
    scene.told[scene.told.count - 1].answeredAs = "i2"
    try expectClean(scene, "the first one was void")
  }

  @Test func othersMayDrawWhereThatIsSaid() throws {
    var scene = Scene.clean()
    scene.round.activities[0].untilHeld = false
    scene.release("ann", "a1", 1)
    scene.claim("ike", "i1", 1)
    scene.told.removeLast()
    scene.round.allows = ["otherClients"]
    try expectClean(scene, "ike is none of the crowd")
  }

  @Test func plantedDeadLetters() throws {
    var scene = Scene.clean()
    let planted: [(slot: Int, payload: String, reason: String)] = [
      (1, "\u{0}{", "malformed"),
      (9, scene.event("claimed", 9, 90, 2, "zoe", "z2"), "slot_out_of_range"),
      (
        4, scene.event("claimed", 4, scene.seq - 1, 2, "zoe", "z3"), "slot_seq_conflict"
      ),
      (2, scene.event("claimed", 2, 91, 2, "ann", "a1"), "request_has_other_slot"),
      (2, scene.event("claimed", 2, 92, 2, "cat", "c1"), "request_was_released"),
      (
        3,
        scene.event("claimed", 3, 93, 2, "zoe", "z4").replacingOccurrences(of: ":7,", with: ":8,"),
        "unknown_activity"
      ),
    ]
    for (slot, payload, reason) in planted {
      scene.publish(slot, payload)
      scene.bury(slot, reason)
      scene.plant(reason, slot)
    }
    try expectClean(scene, "each for its reason")
    // What a batch holds twice is kept once.
    scene.publish(2, planted[4].payload)
    scene.plant("request_was_released", 2)
    try expectClean(scene, "the repeat is in the batch of the first")
    scene.bury(2, "request_was_released")
    try expectClean(scene, "or is not")
  }

  @Test func aRecoveryKeepsTheSlotOfADeadLetter() throws {
    var scene = Scene.clean()
    scene.round.activities[0].untilHeld = false
    scene.release("ann", "a1", 1)
    scene.append(1, Array("7_1".utf8), "poison")
    scene.bury(1, "malformed")
    scene.plant("malformed", 1)
    scene.locks[1] = "! ! 0 0"
    scene.count()
    try expectClean(scene, "nobody holds it until somebody has looked")
  }

  @Test func theSecondSlotOfARequestIsGivenBack() throws {
    var scene = Scene.clean()
    scene.publish(2, scene.event("claimed", 2, 91, 2, "ann", "a1"))
    scene.bury(2, "request_has_other_slot")
    scene.plant("request_has_other_slot", 2)
    scene.publish(2, scene.event("released", 2, 92, 2, "ann", "a1"))
    scene.stock["seq"] = "92"
    try expectClean(scene, "its release changes nothing")
  }

  @Test func aRestoredRedisIsFencedAndARecovererComesLate() throws {
    var scene = Scene.clean()
    scene.sampleRedis(epoch: 2, seq: 1)
    scene.sampleRedis(epoch: 2, seq: 1)
    scene.deployment = 4
    (scene.fence["epoch"], scene.stock["epoch"]) = ("4", "4")
    for epoch in [4, 3] {
      scene.control.append(#"{"v":1,"type":"epoch","epoch":\#(epoch),"time":1}"#)
    }
    try expectClean(scene, "the highest counts")
  }

  @Test func offsetsFallBackWhereThatIsSaid() throws {
    var scene = Scene.clean()
    scene.samplePostgres(epoch: 2, #"{"0":1,"1":1}"#, #"{"0":1,"1":0}"#)
    scene.round.allows = ["offsetsFallBack"]
    try expectClean(scene, "an asynchronous commit was lost")
  }

  @Test func injuriesThatOverlapAreOne() throws {
    var scene = Scene.clean()
    scene.round.injuries[0].backWithinMs = 1_000
    try expectClean(scene, "the other one had longer")
    scene.injure("at the end", from: scene.monotonicUs, back: "worker", withinMs: 0)
    try expectClean(scene, "nothing was left to apply")
  }

  @Test func theLastOfTheVictimsCounts() throws {
    var scene = Scene.clean()
    let last = scene.told.lastIndex { $0.replayed == false }!
    scene.told[last].service = 1
    scene.round.injuries[0].services = [0, 1]
    scene.round.injuries[1].partitions = [0, 1]
    try expectClean(scene, "each is back")
    #expect(try scene.verdict().backMs[0] == 3_005)
  }
}
