import RedisClient
import Stock
import StockRecords
import Testing
import Threads

@testable import DrawService

@Suite struct OutboxEntryTests {
  private func entry(_ kinds: [StockEvent.Kind]) -> OutboxEntry {
    let events = kinds.enumerated().map { place, kind in
      let event = StockEvent(
        kind: kind, activity: sampleActivity, slot: Int64(place + 1), seq: Int64(place + 1),
        epoch: 1,
        user: "u\(place)", request: "r", timeMs: 1)
      return (event: event, waiter: DrawRequest?.some(sampleRequest(user: "u\(place)")))
    }
    return OutboxEntry(
      OutboxEntry.ID(activity: sampleActivity, epoch: 1, lastSeq: Int64(kinds.count)),
      events: events)
  }

  @Test func isAcknowledgedWithItsLastGoodReportAlone() {
    let entry = entry([.claimed, .claimed])
    #expect(entry.report(isAcknowledged: true) == nil)
    #expect(entry.report(isAcknowledged: true)?.lastSeq == 2)
  }

  @Test func isNeverAcknowledgedAfterAFailedReport() {
    let entry = entry([.claimed, .claimed])
    #expect(entry.report(isAcknowledged: false) == nil)
    #expect(entry.report(isAcknowledged: true) == nil)
  }

  @Test func aReleaseWaitsForTheWholeEntryAndForNobodyTwice() throws {
    let entry = entry([.released, .released])
    let early = entry.publications()[0].takeWaiter()  // told `pending` at the deadline
    #expect(early?.user == "u0")
    _ = entry.report(isAcknowledged: true)
    let acknowledgement = try #require(entry.report(isAcknowledged: true))
    #expect(acknowledgement.releases.map(\.request.user) == ["u1"])
    #expect(entry.isReported)
  }
}

@Suite struct OutboxRecordTests {
  private func reply(_ fields: [String]) -> RedisReply {
    .array([
      .string(Array("9-0".utf8)), .array(fields.map { .string(Array($0.utf8)) }),
    ])
  }

  @Test func readsExactlyTheEventsOfTheScript() throws {
    let record = try OutboxRecord(
      reply(["f", "8", "k", "r", "e", "3", "t", "1700", "d", "17 ann r-1\n18 bob r-2"]),
      of: sampleActivity)
    #expect(record.lastSeq == 9)
    #expect(
      record.events == [
        StockEvent(
          kind: .released, activity: sampleActivity, slot: 17, seq: 8, epoch: 3, user: "ann",
          request: "r-1", timeMs: 1_700),
        StockEvent(
          kind: .released, activity: sampleActivity, slot: 18, seq: 9, epoch: 3, user: "bob",
          request: "r-2", timeMs: 1_700),
      ])
  }

  @Test(arguments: [
    ["f", "8", "k", "c", "e", "3", "t", "1", "d", "17 ann r-1"],  // one event for two numbers
    ["f", "9", "k", "x", "e", "3", "t", "1", "d", "17 ann r-1"],
    ["f", "9", "k", "c", "e", "3", "t", "1", "d", "17 ann"],
    ["f", "9", "k", "c", "e", "3", "t", "1", "d", "17 a:n r-1"],
    ["f", "-9223372036854775808", "k", "c", "e", "3", "t", "1", "d", "17 ann r-1"],
    ["f", "9", "k", "c", "e", "3", "t", "1", "d", "0 ann r-1"],  // a worker would refuse these
    ["f", "9", "k", "c", "e", "-3", "t", "1", "d", "17 ann r-1"],
    ["f", "9", "k", "c", "e", "3", "t", "0", "d", "17 ann r-1"],
    ["f", "9", "k", "c", "e", "3", "t", "1"],
    ["f", "9", "k"],
  ])
  func saysWhatCannotBeRead(fields: [String]) {
    #expect(throws: OutboxRecord.Unreadable.self) {
      try OutboxRecord(reply(fields), of: sampleActivity)
    }
  }
}
