import Foundation
import Threads

/// A seed that breaks a rule.
struct Found: Sendable {
  let seed: UInt64
  let violation: Violation

  var text: String { "\(violation.rule.rawValue): \(violation.text)" }
  var replay: String {
    "seed \(seed): \(text); again with SLIDING_STOCK_SIM_SEED=\(seed) SLIDING_STOCK_SIM_SEEDS=1"
  }

  /// The history, a line for each event.
  static func printTrace(of seed: UInt64) {
    print(Simulation.run(seed: seed, isTraced: true).trace.joined(separator: "\n"))
  }
}

/// Seeds played until a rule is broken.
struct Search {
  private(set) var found: Found?
  private(set) var coverage = Coverage()
  private(set) var events = 0
  private(set) var played = 0
  private let seconds: Double

  private struct State {
    var next: UInt64
    var search: Search
  }

  private init() { seconds = 0 }

  /// The lowest seed that is found, of those that were begun before.
  init(first: UInt64, count: UInt64, threads: Int) {
    let started = MonotonicTime.now
    let state = Lock(State(next: first, search: Search()))
    DispatchQueue.concurrentPerform(iterations: threads) { _ in
      while true {
        let seed: UInt64? = state.withLock { state in
          if state.search.found != nil || state.next >= first + count { return nil }
          state.next += 1
          return state.next - 1
        }
        guard let seed else { return }
        let result = Simulation.run(seed: seed)
        state.withLock { $0.search.add(seed, result) }
      }
    }
    let search = state.withLock { $0.search }
    found = search.found
    coverage = search.coverage
    events = search.events
    played = search.played
    seconds = Double(MonotonicTime.now.microseconds(since: started)) / 1_000_000
  }

  private mutating func add(_ seed: UInt64, _ result: Simulation.Result) {
    coverage.merge(result.coverage)
    events += result.events
    played += 1
    guard let violation = result.violation, seed < found?.seed ?? .max else { return }
    found = Found(seed: seed, violation: violation)
  }

  /// How much was played, and how often what was reached.
  var summary: String {
    """
    simulation: \(played) seeds, \(events) events, \(Int(Double(played) / seconds)) seeds/s
    \(Coverage.Point.allCases.map { "\($0) \(coverage[$0])" }.joined(separator: ", "))
    """
  }
}
