import Checker
import Foundation
import TestSupport

/// The same events again, in the middle of the sale.
let replayFaults = [
  replay("replay-in-order") { records, _ in records },
  replay("replay-backwards") { records, _ in records.reversed() },
  replay("replay-shuffled") { records, random in records.shuffled(using: &random) },
  replay("doubled") { records, random in
    records.flatMap { Array(repeating: $0, count: Int.random(in: 2...4, using: &random)) }
      .shuffled(using: &random)
  },
]

/// Adds all events that the topic holds once more, in another order.
private func replay(
  _ name: String,
  _ arrange: @escaping @Sendable ([Topic.Record], inout Seeded) -> [Topic.Record]
) -> Fault {
  Fault(row: 20, name: name, breaks: [.topic]) { sale, random in
    try sale.sell(Int.random(in: 150...400, using: &random))
    let topic = Topic(sale)
    try sale.injure(name, back: .worker(withinMs: 10_000)) {
      let (before, copies) = try sale.whileWritingTopic {
        let before = try topic.ours(sale.planted)
        let copies = arrange(before, &random)
        try topic.add(copies, folder: sale.folder)
        return (before, copies)
      }
      let after = try topic.records()
      let counts = Dictionary(grouping: after) { $0.payload }.mapValues(\.count)
      let doubled = before.filter { (counts[$0.payload] ?? 0) > 1 }.count
      return doubled == before.count && doubled > 0
        ? "\(copies.count) records added, copies of all \(before.count)" : nil
    }
    try sale.sellMore(100)
  }
}
