import Foundation
import TestSupport
import Threads

/// A producer that cannot know, or cannot any more.
let producerFaults = [
  Fault(
    row: 12, name: "producer-fatal",
    plan: Plan(
      draws: Array(repeating: ["SLIDING_STOCK_TEST_FATAL_FILE": "{folder}/fatal-{name}"], count: 2)),
    breaks: [.draws], isCombinable: false
  ) { sale, random in
    try sale.sell(Int.random(in: 100...300, using: &random))
    let draw = sale.draws.randomElement(using: &random)!
    let file = "\(sale.folder)/fatal-\(draw.name)"
    // The other goes on: nothing has to come back but this one, which takes draws when this is over.
    let services = sale.numbers(of: [draw])
    try sale.injure("producer dead for good", back: .draws(withinMs: 10_000), services: services) {
      try Data().write(to: URL(fileURLWithPath: file))
      let status = try draw.process.wait(within: 40)
      try FileManager.default.removeItem(atPath: file)
      let isSaid = !draw.events("kafka_fatal", lastRunAlone: true).isEmpty
      try draw.start()
      try draw.awaitReady()
      return isSaid && status == .exited(1) ? "\(draw.name) said kafka_fatal and \(status)" : nil
    }
    try sale.sellMore(100)
  },
  unacknowledged("acknowledgements-late") { $0.hold(.toClient) },
  // One connection after the other: if all were deaf from their beginning, none would get as far as to produce.
  unacknowledged("acknowledgements-lost") { $0.loseReplies(of: .one) },
]

/// Kafka takes what is produced, and the DrawServices do not hear of it for longer than the claim deadline: late, or never.
private func unacknowledged(
  _ name: String, _ deafen: @escaping @Sendable (RedirectingProxy) -> Void
) -> Fault {
  // Of the two requests that are under way by default both wait here, and what is published again behind them: nothing
  // would be taken twice.
  let way = [
    "SLIDING_STOCK_KAFKA_BOOTSTRAP": "{detour}",
    "SLIDING_STOCK_KAFKA_PROPERTY_MAX_IN_FLIGHT": "100",
  ]
  return Fault(
    row: 12, name: name, plan: Plan(stock: 3_000, rate: 80, draws: [way, way]), breaks: [.kafka],
    isCombinable: false
  ) { sale, random in
    try sale.sell(Int.random(in: 100...300, using: &random))
    let detour = sale.ground.stack.kafkaDetour
    let ms = Int.random(in: 2_000...5_000, using: &random)
    try sale.injure(name, back: .draws(withinMs: 20_000)) {
      defer { detour.pass() }
      let (before, pending) = (detour.counters, sale.toldPending)
      let doubledBefore = try Topic(sale).doubled()
      let deadline = MonotonicTime.after(ms: ms)
      // What was taken and not acknowledged, the producer or a relay sends again, and that is taken too.
      var doubled = 0
      let isDoubled = try eventually(within: 20, everyMs: 300) {
        deafen(detour)
        if deadline <= .now { doubled = try Topic(sale).doubled() - doubledBefore }
        return doubled > 0
      }
      detour.pass()
      let after = detour.counters
      let bytes =
        after.heldBack.toClient - before.heldBack.toClient + after.dropped.toClient
        - before.dropped.toClient
      guard isDoubled, bytes > 0 else { return nil }
      return "\(bytes) bytes of replies kept, \(sale.toldPending - pending) told pending, "
        + "\(doubled) events in the topic twice"
    }
    try sale.sellMore(100)
  }
}

extension Sale {
  /// Draws that were answered `pending`, as far as the stats lines say.
  fileprivate var toldPending: Int {
    draws.flatMap { $0.events("stats") }.reduce(0) { sum, line in
      sum + ((line["draws"] as? [String: any Sendable])?["pending"] as? Int ?? 0)
    }
  }
}
