import RedisClient
import Stock
import StockRecords
import Testing
import Threads

@testable import DrawService

@Suite struct RelayScheduleTests {
  private let start = MonotonicTime.now
  private func id(_ seq: Int64) -> OutboxEntry.ID {
    OutboxEntry.ID(activity: sampleActivity, epoch: 1, lastSeq: seq)
  }

  @Test func oneEntryIsTriedAfterGrowingWaitsAndHoldsUpNoOther() {
    var schedule = RelaySchedule()
    #expect(schedule.attempt(id(1), now: start) == 1)
    #expect(schedule.attempt(id(1), now: start) == nil)
    #expect(schedule.attempt(id(2), now: start) == 1)
    #expect(schedule.attempt(id(1), now: start.adding(ms: 2_001)) == 2)
    #expect(schedule.attempt(id(1), now: start.adding(ms: 2_500)) == nil)
  }

  @Test func forgetsWhatAWholeLapDidNotMeet() {
    var schedule = RelaySchedule()
    #expect(schedule.attempt(id(1), now: start) == 1)
    schedule.endLap(sampleActivity)
    #expect(schedule.attempt(id(1), now: start) == nil, "met in the lap that has ended")
    schedule.endLap(sampleActivity)
    schedule.endLap(sampleActivity)
    #expect(schedule.attempt(id(1), now: start) == 1)
  }

  @Test func forgetsActivitiesThatHaveNothingWaiting() {
    var schedule = RelaySchedule()
    #expect(schedule.attempt(id(1), now: start) == 1)
    schedule.keepOnly([sampleActivity])
    #expect(schedule.attempt(id(1), now: start) == nil)
    schedule.keepOnly([])
    #expect(schedule.attempt(id(1), now: start) == 1)
  }
}

@Suite struct RelayPageTests {
  private let now = MonotonicTime.now

  private func entry(_ seq: Int64, events: Int = 1, ageMs: Int64 = 5_000) -> RelayPage.Entry {
    let lines = (1...events).map { "\($0) ann r-\($0)" }.joined(separator: "\n")
    return element(
      seq,
      [
        "f", "\(seq - Int64(events) + 1)", "k", "c", "e", "3", "t", "\(10_000 - ageMs)", "d", lines,
      ])
  }

  private func broken(_ seq: Int64) -> RelayPage.Entry { element(seq, ["f", "x"]) }

  private func element(_ seq: Int64, _ fields: [String]) -> RelayPage.Entry {
    let reply = RedisReply.array([
      .string(Array("\(seq)-0".utf8)), .array(fields.map { .string(Array($0.utf8)) }),
    ])
    return RelayPage.Entry(
      id: "\(seq)-0",
      content: Result { () throws(OutboxRecord.Unreadable) in
        try OutboxRecord(reply, of: sampleActivity)
      })
  }

  private func page(
    _ entries: [RelayPage.Entry], limit: Int = 3, room: Int = 100,
    _ schedule: inout RelaySchedule, underWay: Set<Int64> = []
  ) -> RelayPage {
    RelayPage(
      entries, of: sampleActivity, limit: limit, nowMs: 10_000, ageMs: 2_000, room: room,
      schedule: &schedule, now: now, isUnderWay: { underWay.contains($0.lastSeq) })
  }

  @Test func publishesInOrderAndGoesOnBehindAFullPage() {
    var schedule = RelaySchedule()
    let page = page([entry(1), entry(3, events: 2), entry(4)], &schedule)
    #expect(page.due.map(\.record.lastSeq) == [1, 3, 4])
    #expect(page.eventCount == 4)
    #expect(page.end == .more(after: "4-0"))
  }

  /// Unreadable ones, ones that wait for their next try and ones under way here are passed over.
  @Test func nothingAtTheHeadHoldsUpWhatFollows() {
    var schedule = RelaySchedule()
    _ = page([entry(2)], &schedule)
    let page = page([broken(1), entry(2), entry(3)], &schedule, underWay: [3])
    #expect(page.due.isEmpty && page.unreadable.map(\.id) == ["1-0"])
    #expect(page.end == .more(after: "3-0"))
    let next = self.page([entry(4)], &schedule)
    #expect(next.due.map(\.record.lastSeq) == [4] && next.end == .lap)
  }

  @Test func endsAtWhatIsStillOnItsFirstWay() {
    var schedule = RelaySchedule()
    let page = page([entry(1), entry(2, ageMs: 1_999), entry(3)], &schedule)
    #expect(page.due.map(\.record.lastSeq) == [1] && page.end == .lap)
  }

  @Test func takesNoMoreThanTheProducerHasRoomFor() {
    var schedule = RelaySchedule()
    let page = page([entry(1), entry(4, events: 3), entry(5)], room: 3, &schedule)
    #expect(page.due.map(\.record.lastSeq) == [1] && page.eventCount == 1)
    #expect(page.end == .noRoom)
    let next = self.page([entry(4, events: 3), entry(5)], room: 4, &schedule)
    #expect(next.due.map(\.attempt) == [1, 1], "what had no room was no try")
  }
}
