import Foundation
import TestSupport
import Testing

@testable import Crowd

/// Reconciliation beside a sale: what is on its way is never taken for a difference.
@Suite(.serialized) struct ReconcileSaleTests {
  @Test func findsNothingInTheMiddleOfASale() throws {
    let pair = try Pair(stock: 3_000)
    let draws = [try pair.startDraw(), try pair.startDraw()]
    let worker = try pair.startWorker(["SLIDING_STOCK_RECONCILE_INTERVAL_MS": "100"])
    let crowd = try pair.startCrowd(
      draws,
      [
        "--users", "6000", "--concurrency", "64", "--ask-twice", "0.2", "--give-back", "0.3",
        "--until-held",
      ])
    var commands = 0
    while crowd.isRunning {
      let output = try pair.command(["reconcile", "--json"])
      let found =
        try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: any Sendable] ?? [:]
      #expect(found["differences"] as? Int == 0, "\(output)")
      #expect(found["notJudged"] as? String == "", "\(output)")
      commands += 1
    }
    #expect(commands > 0)
    expectKept(try pair.report(of: crowd))
    for service in draws + [worker] { #expect(try service.process.terminate() == .exited(0)) }
    let runs = worker.lines("reconciled")
    #expect(runs.contains { $0["suspects"] as? Int ?? 0 > 0 }, "no claim was on its way")
    #expect(runs.contains { $0["notJudged"] as? String == "" })
    #expect(runs.allSatisfy { $0["differences"] as? Int == 0 })
    #expect(worker.lines("reconcile_difference").isEmpty, "\(worker.lines("reconcile_difference"))")
    #expect(worker.lines("reconcile_repaired").isEmpty)
  }
}
