import Foundation
import Protections
import TestSupport
import Testing

/// One deterministic simulation of the whole pair: the real decisions, played stores, virtual time.
///
///     SLIDING_STOCK_SIM_SEED=…           the first seed
///     SLIDING_STOCK_SIM_SEEDS=…          how many
///     SLIDING_STOCK_SIM_TRACE=1          the history of the first seed, whatever becomes of it
///     SLIDING_STOCK_SIM_WITHOUT=…        protections, by commas, that are looked at one at a time; default: all
///     SLIDING_STOCK_SIM_WITHOUT_SEEDS=…  search for each from the first seed on, instead of playing the known ones
@Suite(.serialized) struct SimulationTests {
  @Test func nothingIsLostWhateverHappens() {
    let search = Search(first: Settings.first, count: Settings.count ?? 1_500, threads: 2)
    if Settings.isTraced { Found.printTrace(of: Settings.first) }
    print(search.summary)
    if let found = search.found {
      Found.printTrace(of: found.seed)
      print(found.replay)
      Issue.record("\(found.replay)")
      return
    }
    if Settings.count != nil { return }
    let missed = Coverage.Point.allCases.filter { search.coverage[$0] == 0 && !$0.isRare }
    #expect(missed.isEmpty, "states that no seed reached")
  }

  /// Without any one of them a rule is broken at a known seed that the whole code passes.
  @Test func everyProtectionIsNeeded() {
    for protection in Settings.protections {
      let (found, played) = Protections.without([protection]) { Self.search(protection) }
      print(
        "| \(protection.rawValue) | \(found.map { "\($0.seed)" } ?? "none in \(played)") | \(found?.text ?? "") |"
      )
      guard let found else {
        Issue.record("\(protection.rawValue) is missed by nothing in \(played) seeds")
        continue
      }
      let whole = Simulation.run(seed: found.seed)
      #expect(whole.violation == nil, "seed \(found.seed) is broken with all protections, too")
    }
  }

  /// The table of the documents and the seeds that are tried are one list.
  @Test func theTableOfTheDocumentsIsTrue() throws {
    let page = try String(
      contentsOfFile: "\(projectDirectory)/deploy/docs/recovery.md", encoding: .utf8)
    var seeds: [Protection: UInt64] = [:]
    for match in page.matches(of: /\n\| `(\w+)` \| [^|]+ \| ([\d,]+) \|/) {
      let protection = try #require(Protection(rawValue: String(match.1)))
      seeds[protection] = UInt64(match.2.filter { $0 != "," })
    }
    #expect(seeds == KnownSeeds.without)
    #expect(seeds.count == Protection.allCases.count)
  }

  private static func search(_ protection: Protection) -> (Found?, Int) {
    if let limit = Settings.protectionCount {
      let search = Search(first: Settings.first, count: limit, threads: 2)
      return (search.found, search.played)
    }
    if let seed = KnownSeeds.without[protection],
      let violation = Simulation.run(seed: seed).violation
    {
      return (Found(seed: seed, violation: violation), 1)
    }
    // Found or not, the list is out of date: `deploy/simulate --protections` makes it anew.
    Issue.record("without \(protection.rawValue) its known seed breaks nothing any more")
    let search = Search(first: 1, count: KnownSeeds.limit, threads: 2)
    return (search.found, search.played)
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
    return text.split(separator: ",").map { name in
      guard let protection = Protection(rawValue: String(name)) else {
        fatalError("SLIDING_STOCK_SIM_WITHOUT names no protection: \(name)")
      }
      return protection
    }
  }

  private static func number(_ name: String) -> UInt64? {
    ProcessInfo.processInfo.environment[name].flatMap(UInt64.init)
  }
}
