@testable import Checker

/// Wrong answers.
let wrongTold: [Wrong] = [
  Wrong("two were told one slot", [.twoToldOneSlot, .claimedNotInTopic, .claimedAndNotHeld]) {
    $0.tell("zoe", "z1", "ask", "claimed", slot: 1, replayed: false)
  },
  Wrong("a slot beyond the stock", [.toldBeyondStock, .claimedNotInTopic, .claimedAndNotHeld]) {
    $0.tell("zoe", "z1", "ask", "claimed", slot: 6, replayed: false)
  },
  Wrong("a 500", [.wrongReply]) { $0.tell("ann", "a1", "look", "wrong") },
  Wrong("claimed, and nothing was published", [.claimedNotInTopic]) {
    // Given back before, so that nobody can say who holds it.
    $0.tell("zoe", "z1", "giveBack", "unknown")
    $0.tell("zoe", "z1", "look", "claimed", slot: 1, replayed: true)
  },
  Wrong("a repeat that is told as new", [.claimedAnew]) {
    $0.tell("ann", "a1", "ask", "claimed", slot: 1, replayed: false)
  },
  Wrong("released, and nothing was published", [.releasedNotInTopic, .releasedAndHeld]) {
    $0.tell("ann", "a1", "giveBack", "released")
  },
  Wrong("released without having asked", [.releasedUnasked]) {
    // Not even who had claimed it is known then.
    $0.told.removeAll { $0.user == "cat" && $0.call == "giveBack" }
    $0.told.removeAll { $0.user == "cat" && $0.answer == "claimed" }
  },
  Wrong("claimed again after the release", [.claimedAfterRelease]) {
    $0.tell("cat", "c1", "look", "claimed", slot: 3, replayed: true)
  },
  Wrong("sold out after the release", [.refusedAfterRelease]) {
    $0.tell("cat", "c1", "ask", "refused", code: "sold_out")
  },
  Wrong("no such request of who holds", [.refusedWhileHolding]) {
    $0.tell("ann", "a1", "look", "refused", code: "unknown_request")
  },
  Wrong("no such request, said to the one who gives it back", [.refusedWhileHolding]) {
    $0.tell("ann", "a1", "giveBack", "refused", code: "unknown_request")
  },
  Wrong("sold out, said to one without a key who holds", [.refusedUnnamed]) {
    $0.tell("gil", "g1", "ask", "refused", code: "sold_out", isKeyed: false)
  },
  Wrong("a plain no, and a slot in the end", [.refusedAndHeld, .neverTold]) {
    $0.told.removeAll { $0.user == "ann" }
    $0.tell("ann", "a1", "ask", "unknown")
    $0.nowUs += 3_000_000
    $0.tell("ann", "a1", "ask", "refused", code: "sold_out")
  },
  Wrong("nobody asked for it", [.stranger, .neverTold]) {
    $0.told.removeAll { $0.user == "ann" }
  },
  Wrong("others may draw, but not for the crowd's users", [.stranger]) {
    $0.round.allows = ["otherClients"]
    $0.round.activities[0].untilHeld = false
    $0.release("bob", "b1", 2)
    $0.claim("cat", "c2", 2)
    $0.told.removeLast()
  },
  Wrong("draws without an end", [.neverDecided]) { $0.report.undecided = 3 },
  Wrong("one who was not told again", [.notConfirmed]) { $0.report.confirmed = 4 },
  Wrong("a second slot", [.toldTwoSlots, .claimedNotInTopic, .twoToldOneSlot]) {
    $0.tell("ann", "a1", "look", "claimed", slot: 4, replayed: true)
  },
  Wrong("more slots than the limit", [.aboveLimitTold, .claimedNotInTopic, .claimedAndNotHeld]) {
    $0.round.activities[0].stock = 6
    $0.round.activities[0].untilHeld = false
    ($0.total, $0.surplus, $0.stock["total"]) = (6, 1, "6")
    $0.tell("ann", "a2", "ask", "claimed", slot: 6, replayed: false)
  },
]
