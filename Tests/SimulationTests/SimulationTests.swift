import Foundation
import Testing

/// One deterministic simulation of the whole pair.
@Suite(.serialized) struct SimulationTests {
  private static func number(_ name: String) -> UInt64? {
    ProcessInfo.processInfo.environment[name].flatMap(UInt64.init)
  }

  @Test func nothingIsLostWhateverHappens() {
    let first = Self.number("SLIDING_STOCK_SIM_SEED") ?? 1
    let count = Self.number("SLIDING_STOCK_SIM_SEEDS") ?? 300
    var coverage = Coverage()
    var events = 0
    let started = Date()
    for seed in first..<first + count {
      let result = Simulation.run(seed: seed)
      coverage.merge(result.coverage)
      events += result.events
      guard let violation = result.violation else { continue }
      let traced = Simulation.run(seed: seed, isTraced: true)
      print(traced.trace.joined(separator: "\n"))
      Issue.record(
        "seed \(seed): \(violation.rule.rawValue): \(violation.text); again with SLIDING_STOCK_SIM_SEED=\(seed) SLIDING_STOCK_SIM_SEEDS=1"
      )
      break
    }
    let seconds = Date().timeIntervalSince(started)
    print("\(count) seeds, \(events) events, \(Int(Double(count) / seconds)) seeds/s")
    for point in Coverage.Point.allCases { print("  \(point) \(coverage[point])") }
  }
}
