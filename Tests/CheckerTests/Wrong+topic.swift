@testable import Checker

/// Wrong events. What the tables make of them is right, unless it is what is wrong.
let wrongTopic: [Wrong] = [
  Wrong("another's claim of a held slot", [.twoHoldersInTopic, .claimedAndNotHeld, .neverTold]) {
    $0.claim("zoe", "z1", 1, answer: "unknown")
    $0.users["ann"] = nil
  },
  Wrong("a request claims once more", [.claimedTwiceInTopic]) {
    $0.seq += 1
    $0.publish(1, $0.event("claimed", 1, $0.seq, 2, "ann", "a1"))
    $0.users["ann"] = nil
    $0.hold("ann", "a1", 1)
  },
  Wrong("a user beyond the limit", [.aboveLimitInTopic]) {
    // Given back since, so that only the topic knows.
    $0.round.activities[0].untilHeld = false
    $0.release("bob", "b1", 2)
    $0.claim("ann", "a2", 2, answer: "unknown")
    $0.release("ann", "a2", 2)
  },
  Wrong("a seq that two events have", [.seqOfTwoEvents]) {
    $0.round.activities[0].untilHeld = false
    $0.release("ann", "a1", 1)
    $0.release("bob", "b1", 2)
    $0.seq -= 1
    $0.claim("ike", "i1", 1)
  },
  Wrong("a slot's events the wrong way round", [.outOfOrder]) {
    $0.release("ann", "a1", 1)
    $0.claim("ike", "i1", 1)
    let last = $0.topic[1]!.count - 1
    $0.topic[1]!.swapAt(last - 1, last)
  },
  Wrong("a slot in two partitions", [.slotInTwoPartitions]) {
    $0.release("ann", "a1", 1)
    $0.claim("ike", "i1", 1)
    $0.topic[0]!.append($0.topic[1]!.removeLast())
    $0.positions[0]!.next += 1
    $0.positions[1]!.next -= 1
    $0.samples.removeLast(4)
    $0.look()
  },
  Wrong("seqs begin anew in a new epoch", [.seqNotAboveEpoch]) {
    $0.round.activities[0].untilHeld = false
    $0.recover()
    $0.seq = 2
    $0.release("ann", "a1", 1)
    $0.stock["seq"] = "99"
  },
  Wrong("an epoch that nobody announced", [.epochUnannounced]) { $0.control.removeLast() },
  Wrong("an epoch that Postgres does not know", [.epochAbovePostgres]) {
    $0.control.append(#"{"v":1,"type":"epoch","epoch":9,"time":1}"#)
  },
  Wrong("a void event that nobody kept", [.deadLetter]) { $0.letters = [] },
  Wrong("a void event that was kept for something else", [.deadLetter]) {
    $0.letters[0].reason = "malformed"
  },
  Wrong("poison that nobody planted", [.deadLetterUnplanted]) {
    $0.append(1, nil, "poison")
    $0.bury(1, "malformed")
  },
  Wrong("a good event among the dead letters", [.deadLetterOfGood]) {
    $0.letters.append(Scene.Letter(partition: 1, offset: 0, reason: "malformed"))
  },
  Wrong("a message of a version to come", [.deadLetter, .deadLetterUnplanted]) {
    $0.append(1, nil, #"{"v":2}"#)
  },
]
