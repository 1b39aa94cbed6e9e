import Testing

@testable import Faults

/// Which rounds are played, of the real catalogue.
@Suite struct JobsTests {
  /// At most `limit`, as one thread takes them.
  private func played(_ arguments: [String], limit: Int = 10_000) throws -> [Jobs.Job] {
    var jobs = Jobs(try Options.parse(arguments))
    var all: [Jobs.Job] = []
    while all.count < limit, let job = jobs.next(1) { all.append(job) }
    return all
  }

  @Test func withoutRoundsEveryFaultIsPlayedOnce() throws {
    let names = try played([]).map(\.fault.name)
    #expect(names.sorted() == catalogue.map(\.name).sorted())
    let its = try played(["--row", "1"]).map(\.fault.name)
    #expect(its == catalogue.filter { $0.row == 1 }.map(\.name))
  }

  @Test func roundsAreOfEachRowItsFaultsInTurn() throws {
    let rounds = 7
    let jobs = try played(["--rounds", "\(rounds)"])
    for row in Set(catalogue.map(\.row)) {
      let faults = catalogue.filter { $0.row == row }.map(\.name)
      let expected = (0..<rounds).map { faults[$0 % faults.count] }
      #expect(jobs.filter { $0.fault.row == row }.map(\.fault.name).sorted() == expected.sorted())
    }
  }

  @Test func withinAGroundRowsTakeTurns() throws {
    #expect(
      try played(["--row", "6,8,20", "--rounds", "3"]).map(\.fault.row)
        == [6, 8, 20, 6, 8, 20, 6, 8, 20])
    let grounds = try played(["--rounds", "2"]).map(\.fault.plan.ground)
    let changes = zip(grounds, grounds.dropFirst()).filter { $0 != $1 }
    #expect(changes.count == Set(grounds).count - 1)
  }

  @Test func minutesAloneGoOnAndNoRowWaitsForAnother() throws {
    let rows = Set(catalogue.map(\.row))
    let jobs = try played(["--minutes", "2"], limit: rows.count * 50)
    #expect(jobs.count == rows.count * 50)
    #expect(Set(jobs.prefix(rows.count).map(\.fault.row)) == rows)
    #expect(Set(jobs.map(\.fault.name)) == Set(catalogue.map(\.name)))
  }

  @Test func theSeedIsOfTheFirstRound() throws {
    let seeds = try played(["--row", "6", "--rounds", "3", "--seed", "17"]).map(\.seed)
    #expect(seeds[0] == 17)
    #expect(Set(seeds).count == 3)
    #expect(try played(["--row", "6", "--rounds", "3", "--seed", "17"]).map(\.seed) == seeds)
  }
}
