import Foundation
import Testing

@testable import Faults

@Suite struct RoundsFileTests {
  private func outcome(
    violations: [String] = [], problems: [String] = [], evidence: String = ""
  ) -> Outcome {
    Outcome(
      row: 6, fault: "flushall", seed: 17, violations: violations, problems: problems,
      backMs: [900, 2_100], evidence: evidence, seconds: 8.4, folder: nil)
  }

  @Test func aLineSaysWhatTheRoundWas() throws {
    let time = Date(timeIntervalSince1970: 1_767_225_600)
    let outcome = outcome(evidence: "431 locks before, then 0\nnone")
    let round = RecordedRound(outcome, commit: "abc", time: time)
    #expect(
      round.line
        == "abc,2026-01-01T00:00:00Z,6,flushall,17,yes,0,900 2100,8,431 locks before, then 0 none")
    let read = try #require(RecordedRound(line: round.line))
    #expect(read.line == round.line)
    #expect(read.backMs == [900, 2_100])
  }

  @Test func violationsAreRecordedOfAProofAndOfNone() {
    func recorded(_ violations: [String], _ problems: [String]) -> RecordedRound {
      RecordedRound(
        outcome(violations: violations, problems: problems), commit: "abc", time: Date())
    }
    let failed = recorded(["A", "B"], [])
    #expect(failed.isProof && failed.violations == 2)
    let unproved = recorded([], ["harness: no sale"])
    #expect(!unproved.isProof && unproved.violations == 0)
    let both = recorded(["harness: draw-1 exited(1) after SIGTERM"], ["no verdict"])
    #expect(!both.isProof && both.violations == 1)
    #expect(both.line.contains(",17,no,1,"))
  }

  @Test(arguments: [
    "", "abc,2026-01-01T00:00:00Z,6,flushall,17,yes,0,900,8",
    "abc,2026-01-01T00:00:00Z,six,flushall,17,yes,0,900,8,", "abc,t,6,flushall,-1,yes,0,900,8,",
    "abc,t,6,flushall,17,yes,none,900,8,", "abc,t,6,flushall,17,yes,0,soon,8,",
    "abc,t,6,flushall,17,perhaps,0,900,8,", "abc,t,6,flushall,17,no,-1,900,8,",
  ])
  func anythingElseIsNoRound(_ line: String) {
    #expect(RecordedRound(line: line) == nil)
  }

  @Test func theFileOfTheProjectIsRead() throws {
    let rounds = try RoundsFile.read()
    #expect(rounds.allSatisfy { (1...rowNames.count).contains($0.row) })
  }

  @Test func anotherFileIsRefused() throws {
    let path = NSTemporaryDirectory() + "rounds-\(UUID().uuidString).csv"
    defer { try? FileManager.default.removeItem(atPath: path) }
    for text in ["", "row,fault\n", RoundsFile.header + "\nnot a round\n"] {
      try text.write(toFile: path, atomically: true, encoding: .utf8)
      #expect(throws: (any Error).self) { try RoundsFile.read(path) }
    }
  }

  @Test func theTableCountsWhatProvedSomething() throws {
    func round(_ violations: Int, _ backMs: [Int], isProof: Bool = true) -> RecordedRound {
      RecordedRound(
        commit: "abc", time: "t", row: 6, fault: "flushall", seed: 1, isProof: isProof,
        violations: violations, backMs: backMs, seconds: 8, evidence: "")
    }
    let lines = table([
      round(0, [1_000]), round(2, [3_000, 2_000]), round(1, [60_000], isProof: false),
      round(0, [1_500]), round(0, [], isProof: false),
    ])
    .split(separator: "\n")
    #expect(lines.count == 2 + rowNames.count)
    #expect(lines[7].hasPrefix("| 6 | \(rowNames[5]) ("))
    #expect(lines[7].contains("`flushall`"))
    #expect(
      lines[7].hasSuffix("| 3 | 2 | 3; 0 in the 1 since | 2.0 s, 3.0 s | `deploy/faults --row 6` |")
    )
    #expect(lines[2].hasSuffix("| 0 | 0 | 0 | — | `deploy/faults --row 1` |"))
  }
}
