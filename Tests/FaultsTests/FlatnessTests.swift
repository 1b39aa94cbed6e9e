import Testing

@testable import Faults

@Suite struct FlatnessTests {
  /// One a minute.
  private func samples(
    _ rssKB: [Int], lastDescriptors: Int = 20, lastPid: Int = 7, lastLag: Int = 0
  ) -> [SoakSample] {
    rssKB.enumerated().map { index, rssKB in
      let isLast = index == 4
      return SoakSample(
        minute: Double(index), sale: index, instance: "draw-3", pid: isLast ? lastPid : 7,
        rssKB: rssKB, descriptors: isLast ? lastDescriptors : 20, threads: 9, outbox: 0,
        lag: isLast ? lastLag : 0)
    }
  }

  @Test func whatSettlesIsFlat() {
    #expect(Flatness.findings(samples([10_000, 40_000, 50_000, 51_000, 52_000])) == [])
    // A start that takes less than the middle is no growth, and neither is what the rule leaves room for.
    #expect(Flatness.findings(samples([1_000, 2_000, 50_000, 50_000, 60_120])) == [])
  }

  @Test func whatGrowsAfterHalfOfTheTimeIsFound() {
    #expect(
      Flatness.findings(samples([50_000, 50_000, 50_000, 50_000, 60_121])) == [
        "draw-3: RSS kB 50000 at half, 60121 at the end"
      ])
    #expect(
      Flatness.findings(samples([1, 1, 1, 1, 1], lastDescriptors: 29)) == [
        "draw-3: descriptors 20 at half, 29 at the end"
      ])
  }

  @Test func anotherProcessAndWorkThatWasLeftAreFound() {
    #expect(
      Flatness.findings(samples([1, 1, 1, 1, 1], lastPid: 8)) == [
        "draw-3 was started again: no process lived through all of it"
      ])
    #expect(
      Flatness.findings(samples([1, 1, 1, 1, 1], lastLag: 3)) == [
        "draw-3 after sale 4: outbox 0, lag 3"
      ])
    #expect(Flatness.findings(Array(samples([1, 1]))).count == 1)
  }

  @Test func theTableShowsTheBeginningTheMiddleAndTheEnd() {
    let lines = SoakSample.table(samples([1, 2, 3, 4, 5])).split(separator: "\n")
    #expect(lines.count == 4)
    #expect(lines[2].contains("2.0") && lines[2].contains("       3 "))
  }
}
