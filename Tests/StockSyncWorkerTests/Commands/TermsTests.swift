import Configuration
import Testing

@testable import StockSyncWorker

@Suite struct TimeTextTests {
  @Test(arguments: [
    ("1970-01-01T00:00:00Z", 0), ("2026-01-01T00:00:00Z", 1_767_225_600_000),
    ("2024-02-29T23:59:59.999Z", 1_709_251_199_999),
    ("2026-12-31T08:30:00.050Z", 1_798_705_800_050),
  ])
  func readsTimes(text: String, ms: Int64) {
    #expect(TimeText.milliseconds(text) == ms)
  }

  @Test(arguments: [
    "", "now", "2026-01-01", "2026-01-01T00:00:00", "2026-01-01 00:00:00Z", "2026-02-30T00:00:00Z",
    "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-01T24:00:00Z",
    "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z", "2025-02-29T00:00:00Z", "1969-12-31T23:59:59Z",
    "2026-01-01T00:00:00.1Z", "2026-01-01T00:00:00+01", "２026-01-01T00:00:00Z",
    "2026-01-01T00:00:0xZ",
  ])
  func refusesWhatIsNoTime(text: String) {
    #expect(TimeText.milliseconds(text) == nil)
  }

  @Test func readsDurations() {
    #expect(TimeText.durationMs("+30s") == 30_000)
    #expect(TimeText.durationMs("+15m") == 900_000)
    #expect(TimeText.durationMs("+2h") == 7_200_000)
    #expect(TimeText.durationMs("+7d") == 604_800_000)
    for wrong in ["", "+", "+s", "2h", "+-2h", "+0s", "+2", "+2w", "+9999999999s", "+5000d", "+١s"]
    {
      #expect(TimeText.durationMs(wrong) == nil, "\(wrong)")
    }
  }
}

@Suite struct ActivityTermsTests {
  private func terms(_ arguments: [String]) throws -> ActivityTerms {
    try ActivityTerms(
      try Configuration(
        scope: .worker, options: Command.activityCreate.options, arguments: arguments,
        environment: [:]))
  }

  private let good = [
    "--id", "7", "--name", "Phones", "--stock", "10", "--closes", "2026-01-01T01:00:00Z",
    "--opens", "2026-01-01T00:00:00Z",
  ]

  @Test func isARowAndKnowsItAgain() throws {
    let terms = try terms(good)
    let row = try terms.row(nowMs: 5)
    #expect(
      row
        == ActivityRow(
          id: 7, name: "Phones", total: 10, surplus: 10, limit: 1, opensMs: 1_767_225_600_000,
          closesMs: 1_767_229_200_000, state: "preparing"))
    #expect(terms.difference(from: row, nowMs: 9) == nil)
    var others: [(String, ActivityRow)] = []
    for field in ["name", "stock", "limit", "opens", "closes"] {
      var other = row
      switch field {
      case "name": other.name = "phones"
      case "stock": other.total = 11
      case "limit": other.limit = 2
      case "opens": other.opensMs += 1
      default: other.closesMs += 1
      }
      others.append((field, other))
    }
    for (field, other) in others { #expect(terms.difference(from: other, nowMs: 9) == field) }
    var sold = row
    sold.surplus = 3
    sold.state = "open"
    #expect(terms.difference(from: sold, nowMs: 9) == nil)
  }

  @Test func nowAndDurationsFitWhatIsOpenAlready() throws {
    let terms = try terms(["--id", "7", "--name", "P", "--stock", "1", "--closes", "+1h"])
    let row = try terms.row(nowMs: 1_000)
    #expect(row.opensMs == 1_000)
    #expect(row.closesMs == 3_601_000)
    #expect(terms.difference(from: row, nowMs: 50_000) == nil)
    #expect(terms.difference(from: row, nowMs: 999) == "opens")
  }

  @Test(arguments: [
    ["--id", "0"], ["--id", "9007199254740992"], ["--id", "x"], ["--stock", "0"],
    ["--stock", "10000001"], ["--limit", "0"], ["--limit", "101"], ["--opens", "tomorrow"],
    ["--closes", "+1"], ["--closes", "later"], ["--name", ""], ["--name", "a\u{7}b"],
    ["--name", String(repeating: "x", count: 201)],
  ])
  func wrongValuesAreRefusedByName(change: [String]) {
    #expect {
      try terms(good + change)
    } throws: { error in
      "\(error)".contains(change[0].dropFirst(2))
    }
  }

  @Test func aWindowThatClosesBeforeItOpensIsRefused() throws {
    let terms = try terms(good + ["--closes", "2026-01-01T00:00:00Z"])
    #expect(throws: ConfigError.self) { try terms.row(nowMs: 0) }
  }
}
