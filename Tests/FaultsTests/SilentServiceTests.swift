import Foundation
import Glibc
import TestSupport
import Testing

@testable import Faults

/// The harness itself: what it must not take for a proof.
@Suite(
  .serialized,
  .enabled(if: KafkaBrokers.canStart, "needs a broker that keeps its data: set KAFKA_HOME"))
struct SilentServiceTests {
  @Test func servicesThatAnswerNothingMoreAreNoticed() throws {
    let fault = Fault(row: 1, name: "silent", plan: Plan(limitS: 6, settleS: 2), breaks: [.draws]) {
      sale, _ in
      try sale.sell(50)
      try sale.injure("both DrawServices stopped for good", back: .draws(withinMs: 2_000)) {
        for draw in sale.draws { try draw.signal(SIGSTOP) }
        return "stopped"
      }
    }
    let folder = NSTemporaryDirectory() + "faults-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let runner = RoundRunner(output: folder, keepsAll: false)
    defer { runner.end() }
    let outcome = runner.play(fault, seed: 1)
    #expect(!outcome.isClean)
    #expect(outcome.findings.contains { $0.hasPrefix("G: never back") })
    #expect(outcome.evidence.hasSuffix("stopped"))
    #expect(outcome.folder != nil)
  }
}
