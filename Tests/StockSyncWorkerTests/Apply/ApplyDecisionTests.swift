import PostgresClient
import Testing

@testable import StockSyncWorker

@Suite struct ApplyDecisionTests {
  private func decide(
    _ kind: PostgresError.Kind, _ state: String = "", messages: Int = 10, attempt: Int = 1,
    unknown: Bool = false
  ) -> ApplyDecision {
    .after(
      PostgresError(kind: kind, sqlState: state, message: "", outcomeUnknown: unknown),
      messages: messages, attempt: attempt)
  }

  @Test func dataIsHalvedDownToTheOneMessage() {
    #expect(decide(.data, "22008") == .bisect)
    #expect(decide(.data, "22008", messages: 1) == .bury)
  }

  @Test func aKeyThatWasTakenMeanwhileGetsOneMoreTry() {
    #expect(decide(.data, "23505") == .again)
    #expect(decide(.data, "23505", attempt: 2) == .bisect)
    #expect(decide(.data, "23505", messages: 1, attempt: 2) == .bury)
  }

  @Test func lostRacesAreRepeatedWithinBounds() {
    for state in ["40001", "40P01"] {
      #expect(decide(.retry, state) == .again)
      #expect(decide(.retry, state, attempt: ApplyDecision.attemptLimit) == .park)
    }
  }

  @Test func everythingElseThatMayPassParks() {
    for state in ["", "57P01", "53100", "55P03", "57014", "25006"] {
      #expect(decide(.retry, state) == .park)
    }
    #expect(decide(.configuration, "42P01") == .park)
    #expect(decide(.retry, "40001", unknown: true) == .park)
  }

  @Test func corruptionStopsAndIsNeverHalved() {
    #expect(decide(.corruption, "23514") == .stop)
    #expect(decide(.corruption, "23514", messages: 1, attempt: 3) == .stop)
  }
}
