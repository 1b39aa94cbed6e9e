import Glibc
import RedisClient
import TestSupport
import Testing

@testable import Crowd

/// Kafka away in the middle of a sale, and nothing is lost.
@Suite(
  .serialized, .enabled(if: hasRealKafka, "needs a broker that keeps its data: set KAFKA_HOME"))
struct OutageTests {
  @Test func kafkaStoppedUnderLoadAndStartedAgain() throws {
    let stack = try LocalStack.start(LocalStack.Part.allCases)
    defer { stack.end() }
    let pair = try Pair(on: stack, stock: 2_000)
    let draws = [try pair.startDraw(), try pair.startDraw()]
    let worker = try pair.startWorker()
    let crowd = try pair.startCrowd(
      draws,
      [
        "--users", "6000", "--concurrency", "64", "--give-back", "0.05", "--until-held",
        "--keyless", "0.2",
        "--deadline", "120",
      ])
    #expect(try eventually(within: 60) { try pair.locks() >= 300 })
    try stack.stop(.kafka)
    // Claims go on in Redis, and are told `pending`: nothing is told `claimed` that Kafka has not.
    #expect(eventually(within: 30) { draws.contains { $0.outcomes("pending") > 0 } })
    try stack.restart(.kafka)
    let report = try pair.report(of: crowd, within: 200)
    expectKept(report)
    #expect(report.pending > 0)
    #expect(try pair.redis([RedisCommand("XLEN", "\(pair.stockKey):outbox")])[0].int == 0)
    for service in draws + [worker] {
      #expect(try service.process.terminate(within: 30) == .exited(0))
    }
  }
}

/// Whether the tests' stack has a broker that survives a restart.
let hasRealKafka = (try? LocalStack.shared().isRealKafka) ?? false

extension Service {
  /// Draws with this outcome over all stats lines so far.
  func outcomes(_ name: String) -> Int {
    lines("stats").reduce(0) { sum, line in
      sum + ((line["draws"] as? [String: any Sendable])?[name] as? Int ?? 0)
    }
  }
}
