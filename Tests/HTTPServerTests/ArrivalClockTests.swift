import Testing
import Threads

@testable import HTTPServer

@Suite struct ArrivalClockTests {
  private static let ms: Int64 = 1_000_000
  private var clock = ArrivalClock(now: 0)

  private mutating func turn(_ atMs: Int64, hasMore: Bool = false) -> Int64 {
    let date = clock.turn(at: atMs * Self.ms).nanoseconds / Self.ms
    clock.ended(hasMore: hasMore)
    return date
  }

  @Test mutating func whatIsFoundInTimeCameNow() {
    #expect(turn(250) == 250)
    #expect(turn(750, hasMore: true) == 750)
    #expect(turn(751) == 751)
  }

  @Test mutating func whatIsFoundAfterAStopIsAsOldAsTheLastTurn() {
    #expect(turn(100) == 100)
    #expect(turn(10_000) == 100)
    #expect(turn(10_001) == 10_001)
  }

  /// More events than one turn takes, and newcomers, whose bytes are seen a turn later.
  @Test mutating func soIsTheRestOfIt() {
    #expect(turn(100) == 100)
    #expect(turn(10_000, hasMore: true) == 100)
    #expect(turn(10_001, hasMore: true) == 100)
    #expect(turn(10_002) == 100)
    #expect(turn(10_003) == 10_003)
  }

  @Test mutating func aStreamOfNewcomersDoesNotKeepItLate() {
    _ = turn(100)
    for at in stride(from: Int64(10_000), to: 10_500, by: 100) {
      #expect(turn(at, hasMore: true) == 100)
    }
    #expect(turn(10_500, hasMore: true) == 10_500)
  }

  @Test mutating func aStopSoonAfterAStopIsDatedByTheFirst() {
    _ = turn(100)
    #expect(turn(10_000, hasMore: true) == 100)
    #expect(turn(20_000) == 100)
  }
}
