import Foundation
import Protections
import Testing

/// One deterministic simulation of the whole pair.
///
///     SLIDING_STOCK_SIM_SEED=…   the first seed
///     SLIDING_STOCK_SIM_SEEDS=…  how many
@Suite(.serialized) struct SimulationTests {
  @Test func nothingIsLostWhateverHappens() {
    let first = Settings.first
    let search = Search(first: first, count: Settings.count ?? 300)
    search.printed()
    if let found = search.found { Issue.record("\(found.seed): \(found.violation.text)") }
  }

  @Test func everyProtectionIsNeeded() {
    let count = Settings.protectionCount ?? 0
    for protection in Settings.protections {
      let search = Protections.without([protection]) {
        Search(first: Settings.first, count: count)
      }
      let found =
        search.found.map { "seed \($0.seed): \($0.violation.rule.rawValue) (\($0.violation.text))" }
        ?? "not found in \(search.played)"
      print("protection \(protection.rawValue): \(found)")
      if Settings.isTraced, let found = search.found { found.printTrace(without: protection) }
    }
  }
}

/// What the environment asks for.
enum Settings {
  static var first: UInt64 { number("SLIDING_STOCK_SIM_SEED") ?? 1 }
  static var count: UInt64? { number("SLIDING_STOCK_SIM_SEEDS") }
  static var protectionCount: UInt64? { number("SLIDING_STOCK_SIM_WITHOUT_SEEDS") }
  static var isTraced: Bool { number("SLIDING_STOCK_SIM_TRACE") == 1 }
  static var protections: [Protection] {
    guard let text = ProcessInfo.processInfo.environment["SLIDING_STOCK_SIM_WITHOUT"] else {
      return Protection.allCases
    }
    return text.split(separator: ",").compactMap { Protection(rawValue: String($0)) }
  }

  private static func number(_ name: String) -> UInt64? {
    ProcessInfo.processInfo.environment[name].flatMap(UInt64.init)
  }
}

/// Seeds played until a rule is broken.
struct Search {
  struct Found {
    let seed: UInt64
    let violation: Violation

    func printTrace(without protection: Protection?) {
      let result = Protections.without(protection.map { [$0] } ?? []) {
        Simulation.run(seed: seed, isTraced: true)
      }
      print(result.trace.joined(separator: "\n"))
    }
  }

  private(set) var found: Found?
  private(set) var coverage = Coverage()
  private(set) var events = 0
  private(set) var played = 0
  private let seconds: Double

  init(first: UInt64, count: UInt64) {
    let started = Date()
    for seed in first..<first + count {
      let result = Simulation.run(seed: seed)
      coverage.merge(result.coverage)
      events += result.events
      played += 1
      if let violation = result.violation {
        found = Found(seed: seed, violation: violation)
        break
      }
    }
    seconds = Date().timeIntervalSince(started)
  }

  func printed() {
    if let found {
      found.printTrace(without: nil)
      print(
        "seed \(found.seed): \(found.violation.rule.rawValue): \(found.violation.text); again with SLIDING_STOCK_SIM_SEED=\(found.seed) SLIDING_STOCK_SIM_SEEDS=1"
      )
    }
    print("\(played) seeds, \(events) events, \(Int(Double(played) / seconds)) seeds/s")
    print(
      Coverage.Point.allCases.map { "\($0) \(coverage[$0])" }.joined(separator: ", "))
  }
}
