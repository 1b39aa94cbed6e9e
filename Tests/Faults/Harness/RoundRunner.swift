import Checker
import Foundation
import TestSupport
import Threads

/// What a round came to.
struct Outcome: Sendable {
  let row: Int
  let fault: String
  let seed: UInt64
  /// Promises that were broken: found by the checker, or seen by the harness.
  let violations: [String]
  /// What kept the round from proving anything.
  let problems: [String]
  /// Of each injury that interrupts service, in order.
  let backMs: [Int]
  let evidence: String
  let seconds: Double
  /// Where its evidence was left: of a round that failed, or when it was to be kept.
  let folder: String?

  /// Whether it came to a verdict of what it was for, good or bad.
  var isProof: Bool { problems.isEmpty }
  var findings: [String] { problems + violations }
  var isClean: Bool { findings.isEmpty }
}

/// Plays rounds, one after the other on the same servers as long as they serve.
final class RoundRunner {
  private let output: String
  private let keepsAll: Bool
  private var ground: Ground?

  /// Folders of rounds go below `output`.
  init(output: String, keepsAll: Bool) {
    (self.output, self.keepsAll) = (output, keepsAll)
  }

  /// One round of a fault. What breaks in the harness itself is a finding too: a round without a verdict proves nothing.
  func play(_ fault: Fault, seed: UInt64) -> Outcome {
    let begin = nowUs()
    let folder = "\(output)/\(String(format: "%02d", fault.row))-\(fault.name)-\(seed)"
    try? FileManager.default.removeItem(atPath: folder)
    var (violations, problems): ([String], [String]) = ([], [])
    var verdict: Verdict?
    var injuries: [Round.Injury] = []
    var isGroundSound = true
    do {
      let sale = try Sale(groundFor(fault.plan.ground), fault.plan, folder: folder)
      do {
        try sale.start()
        let found = try play(fault, seed, sale)
        (violations, problems) = (found.violations.map(\.description), found.problems)
        verdict = found
      } catch {
        if error is Broken { violations.append("harness: \(error)") }
        problems.append(error is Broken ? "no verdict" : "harness: \(error)")
        isGroundSound = false  // Its servers may be in any state.
      }
      let leftOver = sale.takeLeftOver()
      if !leftOver.isEmpty { isGroundSound = false }
      problems += leftOver
      injuries = sale.injuries
      let findings = problems + violations
      if !findings.isEmpty || keepsAll { Self.leave(sale, findings) }
      sale.kill()
    } catch {
      problems.append("harness: no sale: \(error)")
      isGroundSound = false
    }
    if !isGroundSound { end() }
    let isKept = !(problems + violations).isEmpty || keepsAll
    if !isKept { try? FileManager.default.removeItem(atPath: folder) }
    return Outcome(
      row: fault.row, fault: fault.name, seed: seed, violations: violations, problems: problems,
      backMs: verdict?.backMs.compactMap { $0 } ?? [],
      evidence: injuries.map { "\($0.name): \($0.evidence)" }.joined(separator: "; "),
      seconds: Double(nowUs() - begin) / 1e6, folder: isKept ? folder : nil)
  }

  /// Ends the servers.
  func end() {
    ground?.end()
    ground = nil
  }

  private func groundFor(_ kind: Ground.Kind) throws -> Ground {
    if let ground, ground.kind == kind, !ground.isWornOut { return ground }
    end()  // Two stacks at a time are too much for a small machine.
    let new = try Ground(kind)
    ground = new
    return new
  }

  private func play(_ fault: Fault, _ seed: UInt64, _ sale: Sale) throws -> Verdict {
    try Self.sell(sale, breakingIt: fault, seed: seed)
    try sale.end()
    try collect(into: sale.folder, from: sale.places)
    return try check(sale.folder)
  }

  /// The sale from the crowd's beginning to rest, with a fault in it and `linger` behind that, and what it was, for the
  /// checker.
  static func sell(
    _ sale: Sale, breakingIt fault: Fault, seed: UInt64, linger: () throws -> Void = {}
  ) throws {
    var random = Seeded(seed)
    let sampler = try Sampler(sale)
    defer { sampler.end() }
    try sale.startCrowd(seed: seed)
    try fault.inflict(sale, &random)
    try linger()
    try sale.finishCrowd()
    try sale.awaitRest()
    try sale.findProofs()
    try write(sale, row: fault.row, fault: fault.name, seed: seed)
  }

  private static func write(_ sale: Sale, row: Int, fault: String, seed: UInt64) throws {
    let round = Round(
      row: row, fault: fault, seed: seed,
      activities: [
        Round.Activity(
          id: sale.deployment.activity, stock: sale.plan.stock, limit: 1, untilHeld: true)
      ],
      partitions: Deployment.partitions, claimDeadlineMs: Deployment.claimDeadlineMs,
      toldFromUs: try sale.toldFromUs(), injuries: sale.injuries,
      bounds: [
        "draw": Round.Bounds(rssKB: 200_000, descriptors: sale.plan.descriptors, threads: 40),
        "worker": Round.Bounds(rssKB: 200_000, descriptors: 100, threads: 40),
      ],
      planted: sale.planted, allows: sale.plan.allows)
    try JSONEncoder().encode(round).write(to: URL(fileURLWithPath: sale.folder + "/round.json"))
  }

  /// What a person needs to see what happened.
  static func leave(_ sale: Sale, _ findings: [String]) {
    do {
      let logs = sale.services.map { (name: $0.name, text: $0.log + $0.errorOutput) }
      let folder = sale.folder + "/logs"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      for (name, text) in logs {
        try text.write(toFile: "\(folder)/\(name).log", atomically: true, encoding: .utf8)
      }
      let told = (try? String(contentsOfFile: sale.folder + "/told.jsonl", encoding: .utf8)) ?? ""
      let timeline = sale.timeline.merged(
        logs: logs, told: told, toldFromUs: try? sale.toldFromUs())
      try timeline.write(
        toFile: sale.folder + "/timeline.txt", atomically: true, encoding: .utf8)
      try (findings.joined(separator: "\n") + "\n").write(
        toFile: sale.folder + "/findings.txt", atomically: true, encoding: .utf8)
    } catch {
      say("the logs of the round could not be kept in \(sale.folder): \(error)")
    }
  }
}
