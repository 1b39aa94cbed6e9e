import Foundation
import TestSupport
import Testing

@testable import Faults

/// A storm of kills in its short form.
@Suite(.enabled(if: isRealKafkaThere, "needs KAFKA_HOME, an Apache Kafka"))
struct StormTests {
  @Test func everyKilledInstanceComesBackAndNothingIsLost() throws {
    let folder = try temporaryDirectory("storm")
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let storm = KillStorm(kills: 3)
    let runner = RoundRunner(output: folder, keepsAll: false)
    defer { runner.end() }
    let outcome = runner.play(storm.fault, seed: .random(in: 1..<(1 << 40)))
    #expect(outcome.isClean, "\(outcome.findings)")
    for service in Kill.Service.allCases {
      let its = storm.kills.filter { $0.service == service }
      #expect(its.count == 3)
      // The last kill of each instance is the one that it comes back from.
      for instance in Set(its.map(\.instance)) {
        #expect(its.last { $0.instance == instance }?.backMs != nil)
      }
    }
  }
}

private let isRealKafkaThere = ProcessInfo.processInfo.environment["KAFKA_HOME"] != nil
