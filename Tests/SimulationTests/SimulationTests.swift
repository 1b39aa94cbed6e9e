import Testing

@testable import DrawService
@testable import ScriptModel
@testable import StockSyncWorker

@Suite struct SimulationTests {
  @Test func both() {
    #expect(ClaimLimits().batch == 128)
    #expect(ConsumerFlow.Limits(batch: 1, flushMs: 1, busyMs: 1).batch == 1)
    #expect(ScriptModel().total == 1)
  }
}
