import Foundation
import TestSupport

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
    // The other goes on: nothing has to come back but this one.
    try sale.injure("producer dead for good", back: .draws(withinMs: 20_000)) {
      try Data().write(to: URL(fileURLWithPath: file))
      let status = try draw.process.wait(within: 40)
      try FileManager.default.removeItem(atPath: file)
      let isSaid = !draw.events("kafka_fatal", lastRunAlone: true).isEmpty
      try draw.start()
      try draw.awaitReady()
      return isSaid && status == .exited(1) ? "\(draw.name) said kafka_fatal and \(status)" : nil
    }
    try sale.sellMore(100)
  }
]
