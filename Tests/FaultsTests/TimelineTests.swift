import Foundation
import Testing
import Threads

@testable import Faults

@Suite struct TimelineTests {
  @Test func notesLogsAndTroubleAreOneByTime() throws {
    let timeline = Timeline()
    let startUs = nowUs()
    timeline.note("first")
    let inTenSeconds = Date(timeIntervalSince1970: Double(wallClockMs()) / 1_000 + 10)
      .formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    let log = """
      {"time":"\(inTenSeconds)","event":"lease_lost"}
      {"time":"\(inTenSeconds)","event":"stats"}
      """
    let told = """
      {"answer":"claimed","sentUs":1,"latencyUs":1}
      {"answer":"pending","sentUs":4000000,"latencyUs":1000000}
      """
    let lines = timeline.merged(
      logs: [(name: "draw-1", text: log)], told: told, toldFromUs: startUs
    ).split(separator: "\n")
    #expect(lines.count == 3)
    #expect(lines[0].hasSuffix("  first"))
    #expect(lines[1].contains("crowd: ") && lines[1].contains("pending"))
    #expect(lines[2].contains("draw-1: ") && lines[2].contains("lease_lost"))
  }

  @Test func answersOfNobodyKnowsWhenAreLeftOut() {
    let told = #"{"answer":"pending","sentUs":4,"latencyUs":1}"#
    #expect(Timeline().merged(logs: [], told: told, toldFromUs: nil) == "\n")
  }

  @Test func aLineThatIsNoLogLineIsKept() {
    let text = Timeline().merged(
      logs: [(name: "worker-1", text: "Fatal error: index out of range")], told: "", toldFromUs: 0)
    #expect(text.contains("worker-1: Fatal error: index out of range"))
  }
}
