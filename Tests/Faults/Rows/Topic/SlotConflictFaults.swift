import Glibc
import TestSupport

/// A slot and seq issued once more, to another request. Nothing is given back in these sales, so that a slot keeps its seq.
let slotConflictFaults = [
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
      let isWaiting = try sale.offsets()[waiting.partition] ?? 0 <= waiting.offset
      for worker in sale.workers { try worker.signal(SIGCONT) }
      let isKept = try isRejected(second, first: waiting, sale)
      return isWaiting && isKept
        ? "offsets \(waiting.offset) and \(second.offset) of partition \(waiting.partition), none applied before the other was there"
        : nil
    }
  },
]

/// A claim like this one, for somebody who never asked.
func intruder(like event: Topic.Event) -> Topic.Event {
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
    let applied = try sale.offsets()
    found = try topic.events().last { applied[$0.partition] ?? 0 <= $0.offset }
    return found != nil
  }
  guard let found else {
    throw TestSupportError("every event is applied while workers stand still")
  }
  return found
}
