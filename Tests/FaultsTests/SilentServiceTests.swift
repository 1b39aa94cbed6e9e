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
        // Otherwise they may have ended.
        let areStopped = eventually { sale.draws.allSatisfy { $0.isStopped } }
        return areStopped ? "\(try sale.held()) held, both stand still" : nil
      }
    }
    let folder = NSTemporaryDirectory() + "faults-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let runner = RoundRunner(output: folder, keepsAll: false)
    defer { runner.end() }
    let outcome = runner.play(fault, seed: 1)
    #expect(!outcome.isClean)
    #expect(outcome.evidence.hasSuffix("both stand still"))
    #expect(!outcome.findings.contains { $0.hasPrefix("harness: ") })
    #expect(
      outcome.findings.contains {
        $0.contains("never back") || $0.hasPrefix("the crowd did not end")
      }, "\(outcome.findings)")
    #expect(outcome.folder != nil)
  }
}

extension ServiceProcess {
  fileprivate var isStopped: Bool {
    let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
    return status?.contains("State:\tT") ?? false
  }
}
