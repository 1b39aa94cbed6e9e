import Foundation
import RedisClient
import TestSupport

/// A claim of an epoch that has ended comes behind that end in the topic.
let oldEpochFaults = [
  // Stock for the time that the crowd makes good after the recovery.
  Fault(
    row: 21, name: "claim-of-old-epoch", plan: Plan(stock: 2_500), breaks: [.kafka, .redis],
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
    // So that the time until service is back is that of the recovery alone.
    try sale.sellMore(1)
    let slot: Int? = Bool.random(using: &random) ? nil : sale.plan.stock
    try sale.injure("a claim of the old epoch", back: .none) {
      try addLate(sale, slot: slot, &random)
    }
  }
]

/// Adds a claim of the first epoch like one that there is, or of `slot`; evidence that it was void.
private func addLate(_ sale: Sale, slot: Int?, _ random: inout Seeded) throws -> String? {
  let topic = Topic(sale)
  let epoch = try sale.query("SELECT epoch::text FROM deployment").first.flatMap { Int($0) } ?? 0
  let old = try topic.events().filter { $0.event.epoch < epoch }
  guard let first = old.randomElement(using: &random) else { return nil }
  var late = intruder(like: first.event)
  late.seq = try sale.seq() + 1_000_000
  late.slot = slot ?? late.slot
  let isHeld =
    try sale.redis([
      RedisCommand("HEXISTS", "\(sale.stockKey):locks", "\(late.slot)")
    ])[0].int == 1
  // A slot that was never sold may come in any partition.
  let placed = try topic.add(late, to: first.partition, folder: sale.folder)
  let isVoid = try sale.awaitDeadLetter(placed, reason: "void_epoch")
  let applied = try sale.query("SELECT usr FROM claim WHERE request = '\(late.request)'")
  return isVoid && applied.isEmpty
    ? "epoch \(late.epoch) after \(epoch) began, of a \(isHeld ? "held" : "free") slot: void, an alarm, nothing applied"
    : nil
}
