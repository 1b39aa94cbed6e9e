import Testing

@testable import Faults

@Suite struct OptionsTests {
  @Test func whatIsNotGivenIsEverythingOnce() throws {
    let options = try Options.parse([])
    #expect(options.rounds == nil)
    #expect(options.jobs == 1)
    #expect(options.chosen.flatMap(\.faults).count == catalogue.count)
  }

  @Test func rowsAreChosen() throws {
    let options = try Options.parse(["run", "--row", "6,20", "--rounds", "3", "--keep"])
    #expect(options.chosen.map(\.row) == [6, 20])
    #expect(options.rounds == 3)
    #expect(options.isKeeping)
    #expect(!options.isRecording)
  }

  @Test func minutesAreNoRounds() throws {
    #expect(try Options.parse(["--minutes", "2"]).rounds == nil)
    #expect(try Options.parse(["--rounds", "5", "--minutes", "2"]).rounds == 5)
  }

  @Test(arguments: [
    ["walk"], ["check"], ["--row"], ["--row", "0"], ["--row", "28"], ["--row", "six"],
    ["--row", "6,six"], ["--fault", "no-such-fault"], ["--rounds", "0"], ["--rounds", "many"],
    ["--seed", "0"], ["--minutes", "0"], ["--minutes", "2000"], ["--jobs", "17"],
    ["--output", ""], ["--colour", "red"],
  ])
  func whatIsWrongIsRefused(_ arguments: [String]) {
    #expect(throws: UsageError.self) { try Options.parse(arguments) }
  }

  @Test func everyFaultHasARowAndANameOfItsOwn() {
    #expect(Set(catalogue.map(\.name)).count == catalogue.count)
    for fault in catalogue {
      #expect((1...rowNames.count).contains(fault.row))
      #expect(fault.name.allSatisfy { $0.isLowercase || $0.isNumber || $0 == "-" })
    }
  }
}
