import Foundation
import Glibc
import TestSupport

/// `Tests/Faults/rounds.csv`: every round that was ever counted, one line each, over several runs and commits.
struct RoundsFile: Sendable {
  static let path = projectDirectory + "/Tests/Faults/rounds.csv"
  static let header = "commit,time,row,fault,seed,proof,violations,back_ms,seconds,evidence"

  let commit: String

  /// For adding to it. Throws unless the checkout is that of its commit, but for this file, the kills of a storm, and what is made from
  /// both, and unless outages are as long as the table says. From then on the programs run from copies.
  static func forThisCommit() throws -> RoundsFile {
    guard Timing.outageS >= 60 else {
      throw TestSupportError(
        "rounds that count have outages of 60 s at least, not \(Timing.outageS): FAULTS_OUTAGE_S")
    }
    let changes = try Subprocess.run(
      "git",
      [
        "status", "--porcelain", "--", ".", ":!Tests/Faults/rounds.csv", ":!Tests/Faults/kills.csv",
        ":!deploy/docs",
      ], directory: projectDirectory)
    guard changes.isEmpty else {
      throw TestSupportError("the checkout has changes, so no commit stands for it:\n\(changes)")
    }
    let commit = try Subprocess.run(
      "git", ["rev-parse", "--short=9", "HEAD"], directory: projectDirectory)
    try Programs.copy()
    return RoundsFile(commit: commit.trimmingCharacters(in: .whitespacesAndNewlines))
  }

  /// Adds a round, whatever came of it. One write, so that harnesses side by side don't mix their lines.
  func add(_ outcome: Outcome) throws {
    let line = RecordedRound(outcome, commit: commit, time: Date()).line + "\n"
    let descriptor = open(Self.path, O_WRONLY | O_APPEND | O_CLOEXEC)
    guard descriptor >= 0 else { throw TestSupportError("\(Self.path) cannot be opened") }
    defer { close(descriptor) }
    let bytes = Array(line.utf8)
    guard write(descriptor, bytes, bytes.count) == bytes.count else {
      throw TestSupportError("\(Self.path) cannot be written")
    }
  }

  /// All rounds.
  static func read(_ path: String = path) throws -> [RecordedRound] {
    let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
    guard lines.first.map(String.init) == header else {
      throw TestSupportError("\(path) does not begin with '\(header)'")
    }
    return try lines.dropFirst().map { line in
      guard let round = RecordedRound(line: String(line)) else {
        throw TestSupportError("\(path): not a round: \(line)")
      }
      return round
    }
  }
}

/// One line of it.
struct RecordedRound: Equatable, Sendable {
  let commit: String
  let time: String
  let row: Int
  let fault: String
  let seed: UInt64
  /// Whether it came to a verdict of what it was for, and its fault was shown.
  let isProof: Bool
  /// Of any round, a proof or not.
  let violations: Int
  let backMs: [Int]
  let seconds: Int
  let evidence: String
}

extension RecordedRound {
  init(_ outcome: Outcome, commit: String, time: Date) {
    self.commit = commit
    self.time = time.ISO8601Format()
    (row, fault, seed) = (outcome.row, outcome.fault, outcome.seed)
    (isProof, violations) = (outcome.isProof, outcome.violations.count)
    backMs = outcome.backMs
    seconds = Int(outcome.seconds.rounded())
    evidence = outcome.evidence
  }

  init?(line: String) {
    let fields = line.split(separator: ",", maxSplits: 9, omittingEmptySubsequences: false)
      .map(String.init)
    guard fields.count == 10, let row = Int(fields[2]), let seed = UInt64(fields[4]),
      ["yes", "no"].contains(fields[5]), let violations = Int(fields[6]), violations >= 0,
      let seconds = Int(fields[8])
    else { return nil }
    let back = fields[7].split(separator: " ").map { Int($0) }
    guard !back.contains(nil) else { return nil }
    (commit, time, self.row, fault, self.seed) = (fields[0], fields[1], row, fields[3], seed)
    isProof = fields[5] == "yes"
    (self.violations, backMs, self.seconds) = (violations, back.compactMap { $0 }, seconds)
    evidence = fields[9]
  }

  var line: String {
    let back = backMs.map(String.init).joined(separator: " ")
    let text = evidence.prefix(300).replacingOccurrences(of: "\n", with: " ")
    let proof = isProof ? "yes" : "no"
    return
      "\(commit),\(time),\(row),\(fault),\(seed),\(proof),\(violations),\(back),\(seconds),\(text)"
  }
}
