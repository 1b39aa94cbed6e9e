import Glibc
import TestSupport

/// Claims in the topic that must not count. Nothing is given back in these sales, so that a slot keeps its seq.
let foreignClaimFaults = [
  // Long after the first one was applied.
  Fault(
    row: 19, name: "slot-issued-twice", plan: Plan(giveBack: 0), breaks: [.kafka],
    isCombinable: false
  ) { sale, random in
    try sale.sell(Int.random(in: 100...400, using: &random))
    try sale.injure("another request for a slot and seq", back: .none) {
      let topic = Topic(sale)
      let firsts = try topic.events().shuffled(using: &random)
        .prefix(Int.random(in: 1...3, using: &random))
      let isKept = try firsts.allSatisfy { first in
        try isRejected(intruder(for: first, in: topic, sale), first: first, sale)
      }
      return isKept && !firsts.isEmpty
        ? "\(firsts.count) claims, each of a slot and seq applied before: dead letters, alarms"
        : nil
    }
  },
  // Both in the same batch, the first not applied yet.
  Fault(
    row: 19, name: "slot-issued-twice-at-once", plan: Plan(giveBack: 0),
    breaks: [.kafka, .workers],
    isCombinable: false
  ) { sale, random in
    try sale.sell(Int.random(in: 100...400, using: &random))
    try sale.injure("another request for a slot and seq, not applied yet", back: .none) {
      let topic = Topic(sale)
      for worker in sale.workers { try worker.signal(SIGSTOP) }
      defer { for worker in sale.workers { worker.process.signal(SIGCONT) } }
      let waiting = try waitingEvent(topic, sale)
      let second = try intruder(for: waiting, in: topic, sale)
      let isWaiting = try applied(waiting.partition, sale) <= waiting.offset
      for worker in sale.workers { try worker.signal(SIGCONT) }
      let isKept = try isRejected(second, first: waiting, sale)
      return isWaiting && isKept
        ? "offsets \(waiting.offset) and \(second.offset) of partition \(waiting.partition), none applied before the other was there"
        : nil
    }
  },
  Fault(
    row: 21, name: "claim-of-old-epoch", plan: Plan(giveBack: 0), breaks: [.kafka, .redis],
    isCombinable: false
  ) { sale, random in
    try sale.sell(Int.random(in: 100...400, using: &random))
    let before = sale.recoveries
    try sale.injure("FLUSHALL", back: .draws(withinMs: recoveredWithinMs)) {
      let held = try sale.held()
      try sale.ground.stack.flushRedis()
      return held > 0 ? "\(held) locks before" : nil
    }
    try sale.awaitRecovery(after: before)
    let ofHeld = Bool.random(using: &random)
    try sale.injure("a claim of the old epoch", back: .none) {
      let topic = Topic(sale)
      guard let first = try topic.events().randomElement(using: &random) else { return nil }
      var late = intruder(like: first.event)
      late.seq = try sale.seq() + 1_000_000
      if !ofHeld { late.slot = sale.plan.stock }
      let record = try topic.add(late, to: first.partition, folder: sale.folder)
      let isVoid = try sale.awaitDeadLetter(record, reason: "void_epoch")
      let applied = try sale.query("SELECT usr FROM claim WHERE request = '\(late.request)'")
      let epoch = try sale.query("SELECT epoch::text FROM deployment")[0]
      return isVoid && applied.isEmpty && epoch > "\(late.epoch)"
        ? "epoch \(late.epoch) where \(epoch) began, of a \(ofHeld ? "held" : "free") slot: void, an alarm, nothing applied"
        : nil
    }
  },
]

/// A claim like this one, for somebody who never asked.
private func intruder(like event: Topic.Event) -> Topic.Event {
  var other = event
  other.user = "intruder-\(event.slot)"
  other.request = "intruder-\(event.slot)-\(event.seq)"
  return other
}

/// One behind this one; the checker is told.
private func intruder(
  for first: Topic.Placed, in topic: Topic, _ sale: Sale
) throws -> Topic.Placed {
  let second = try topic.add(
    intruder(like: first.event), to: first.partition, folder: sale.folder)
  sale.plant(partition: second.partition, offset: second.offset, reason: "slot_seq_conflict")
  return second
}

/// Whether the second is a dead letter and the first one's row is as it was.
private func isRejected(
  _ second: Topic.Placed, first: Topic.Placed, _ sale: Sale
) throws -> Bool {
  guard try sale.awaitDeadLetter(second, reason: "slot_seq_conflict") else { return false }
  return try sale.query(
    """
    SELECT request FROM claim WHERE activity = \(first.event.activity) AND slot = \(first.event.slot)
      AND seq = \(first.event.seq) AND usr = '\(first.event.user)' AND state = 'claimed'
    """) == [first.event.request]
}

/// An event of the topic that no worker has applied.
private func waitingEvent(_ topic: Topic, _ sale: Sale) throws -> Topic.Placed {
  var found: Topic.Placed?
  _ = try eventually(within: 10, everyMs: 20) {
    found = try topic.events().last { try applied($0.partition, sale) <= $0.offset }
    return found != nil
  }
  guard let found else {
    throw TestSupportError("every event is applied while workers stand still")
  }
  return found
}

/// The offset up to which a partition is applied.
private func applied(_ partition: Int, _ sale: Sale) throws -> Int {
  let next = try sale.query(
    "SELECT next::text FROM consumer_offset WHERE topic = '\(sale.deployment.topic)' AND partition = \(partition)"
  )
  return next.first.flatMap { Int($0) } ?? 0
}
