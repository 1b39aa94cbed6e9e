import Foundation
import RedisClient
import Testing

@testable import DrawService
@testable import ScriptModel

/// The scripts against the model: one seed gives one run; `SCRIPT_TRIAL_SEED` and `SCRIPT_TRIAL_STEPS` repeat one.
@Suite(.serialized) struct ScriptModelTests {
  static let seed =
    ProcessInfo.processInfo.environment["SCRIPT_TRIAL_SEED"].flatMap(UInt64.init)
    ?? .random(in: 0..<1_000_000_000)
  static let steps =
    ProcessInfo.processInfo.environment["SCRIPT_TRIAL_STEPS"].flatMap(Int.init) ?? 10_000

  @Test func whatShipsIsWhatIsTried() throws {
    let shipped = StockScripts()
    #expect(shipped.all.count == 4)
    for script in shipped.all {
      #expect(script == (try ScriptSources.script(script.name)))
    }
  }

  @Test func sameAnswersAndSameState() throws {
    print("script trial: SCRIPT_TRIAL_SEED=\(Self.seed) SCRIPT_TRIAL_STEPS=\(Self.steps)")
    let trial = try trial(of: nil)
    do {
      try trial.run(steps: Self.steps)
    } catch let divergence as ScriptTrial.Divergence {
      Issue.record("seed \(Self.seed): \(divergence)")
    }
    let missed = Branch.allCases.filter { trial.model.hits[$0] == nil }
    #expect(missed.isEmpty, "branches that no step took")
    let hits = Branch.allCases.map { "\($0) \(trial.model.hits[$0] ?? 0)" }
    print("script trial: \(hits.joined(separator: ", "))")
  }

  @Test(arguments: ScriptMutant.all) func mutantIsCaught(_ mutant: ScriptMutant) throws {
    let trial = try trial(of: mutant)
    #expect(throws: ScriptTrial.Divergence.self, "survived \(Self.steps) steps, seed \(Self.seed)")
    {
      try trial.run(steps: Self.steps)
    }
  }

  private func trial(of mutant: ScriptMutant?) throws -> ScriptTrial {
    let endpoint = try ScriptDatabase.emptied(for: "model")
    var scripts: [String: RedisScript] = [:]
    for name in ["claim", "release", "acknowledge", "look"] {
      var source = try ScriptSources.source(name)
      if let mutant, mutant.script == name {
        try #require(source.components(separatedBy: mutant.original).count == 2)
        source = source.replacingOccurrences(of: mutant.original, with: mutant.planted)
      }
      scripts[name] = RedisScript(name: name, source: Array(source.utf8))
    }
    return try ScriptTrial(
      RedisConnection(endpoint, scripts: Array(scripts.values)), scripts: scripts,
      seed: Self.seed)
  }
}
