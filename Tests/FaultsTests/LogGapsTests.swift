import Testing

@testable import Faults

@Suite struct LogGapsTests {
  private func line(_ second: Int, _ event: String = "stats") -> String {
    let time = "2026-11-24T20:00:\(second < 10 ? "0" : "")\(second).000Z"
    return #"{"time":"\#(time)","level":"info","event":"\#(event)"}"# + "\n"
  }

  /// 2026-11-24T20:00:00Z.
  private let zero: Int64 = 1_795_550_400_000

  private func findings(_ log: String, excused: [LogGaps.Span] = []) -> Int {
    LogGaps.findings("draw-1", log, everyMs: 1_000, excused: excused).count
  }

  @Test func aLineInEachIntervalIsWhole() {
    #expect(findings((0..<20).map { line($0) }.joined()) == 0)
    #expect(findings(line(0) + line(3) + line(3, "other") + line(6)) == 0)
  }

  @Test func aGapIsFoundUnlessSomethingWasBrokenThen() {
    let log = line(0) + line(1) + line(5) + line(6)
    #expect(findings(log) == 1)
    #expect(findings(log, excused: [zero + 4_000...zero + 4_500]) == 0)
    #expect(findings(log, excused: [zero + 5_500...zero + 9_000]) == 1)
  }

  @Test func droppedLinesAndNoLinesAreFound() {
    #expect(findings(line(0) + line(1, "log_dropped") + line(2)) == 1)
    #expect(findings(line(1, "started")) == 1)
    #expect(findings(#"{"event":"stats"}"# + "\n" + line(1)) == 1)
  }
}
