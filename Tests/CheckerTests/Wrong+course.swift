@testable import Checker

/// What went wrong in the course of the round.
let wrongCourse: [Wrong] = [
  Wrong("an epoch that fell", [.epochFell]) {
    $0.deployment = 1
    $0.look()
    $0.deployment = 2
  },
  Wrong("an epoch that fell with offsets that may", [.epochFell]) {
    $0.round.allows = ["offsetsFallBack"]
    $0.samplePostgres(epoch: 1, #"{"0":1}"#, #"{"0":1}"#)
  },
  Wrong("an offset that fell", [.offsetFell]) {
    $0.positions[0]!.next -= 1
    $0.look()
    $0.positions[0]!.next += 1
  },
  Wrong("a position that vanished", [.offsetFell, .barrierFell]) {
    $0.positions[0] = nil
    $0.look()
    $0.positions[0] = ($0.topic[0]!.count, 2)
  },
  Wrong("a barrier that fell", [.barrierFell]) {
    $0.positions[1]!.barrier = 1
    $0.look()
    $0.positions[1]!.barrier = 2
  },
  Wrong("a Redis that went on from an older file", [.seqWentOnFromOlder]) {
    $0.sampleRedis(epoch: 2, seq: 1)
    $0.sampleRedis(epoch: 2, seq: 2)
  },
  Wrong("a seq below the topic's", [.seqBelowTopic]) { $0.stock["seq"] = "2" },
  Wrong("no draws any more", [.neverBack]) {
    $0.injure("the end", from: $0.monotonicUs, back: "draws")
  },
  Wrong("no worker any more", [.neverBack]) {
    $0.nowUs += 1_000_000
    $0.injure("the end", from: $0.monotonicUs, back: "worker")
  },
  Wrong("a worker that stands still", [.neverBack, .lag]) {
    $0.positions[1]!.next -= 1
    $0.samples.removeLast(4)
    $0.injure("the end", from: $0.monotonicUs, back: "worker")
    $0.look()
    $0.look()
    $0.append(1, Array("7_1".utf8), $0.event("claimed", 1, 1, 1, "ann", "a1"))
    $0.positions[1]!.next -= 1
  },
  Wrong("draws that come back too late", [.backTooLate]) {
    for index in 0...1 { $0.round.injuries[index].backWithinMs = 1_000 }
  },
  Wrong("no time of mending, so that the beginning counts", [.backTooLate]) {
    for index in 0...1 {
      $0.round.injuries[index].backWithinMs = 2_000
      $0.round.injuries[index].healedUs = 0
    }
  },
  Wrong("a service that never draws again while the other does", [.neverBack]) {
    $0.told[0].service = 1
    $0.round.injuries[0].services = [0, 1]
  },
  Wrong("a service that draws again too late while the other does in time", [.backTooLate]) {
    let last = $0.told.lastIndex { $0.replayed == false }!
    $0.told[last].service = 1
    $0.round.injuries[0].services = [1]
    for index in 0...1 { $0.round.injuries[index].backWithinMs = 2_000 }
  },
  Wrong("a partition that is never applied again while the other is", [.neverBack, .lag]) {
    $0.nowUs += 1_000_000
    $0.injure("the end", from: $0.monotonicUs, back: "worker", partitions: [1])
    $0.look()
    $0.repeat(2)
    $0.repeat(1)
    $0.positions[1]!.next -= 1
    $0.nowUs += 1_000_000
    $0.look()
  },
  Wrong("draws again, and a partition that is never applied", [.neverBack, .lag]) {
    $0.round.injuries[0].partitions = [1]
    $0.samples.removeAll { $0.contains("postgres") }
    $0.nowUs += 1_000_000
    $0.repeat(1)
    $0.positions[1]!.next -= 1
    $0.look()
  },
  Wrong("draws that were late before the next thing broke", [.backTooLate]) {
    let healedUs = $0.round.injuries[0].healedUs
    $0.round.injuries[0].backWithinMs = 500
    $0.round.injuries[1] = Round.Injury(
      name: "the next thing", startUs: healedUs + 600_000, healedUs: healedUs + 900_000,
      back: "draws", backWithinMs: 5_000, evidence: "seen", isShown: true)
  },
  Wrong("draws that are late beside what interrupts nothing", [.backTooLate]) {
    $0.round.injuries[0].backWithinMs = 1_000
    $0.round.injuries[1].back = "none"
  },
  Wrong("too much memory", [.resident]) { $0.sampleProcess("draw-2", 1_001, 1, 1) },
  Wrong("too many descriptors", [.descriptors]) { $0.sampleProcess("worker-1", 1, 101, 1) },
  Wrong("too many threads", [.threads]) { $0.sampleProcess("draw-1", 1, 1, 11) },
]
