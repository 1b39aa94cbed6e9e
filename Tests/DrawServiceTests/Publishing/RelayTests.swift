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

  /// As a page does it.
  private func attempt(
    _ schedule: inout RelaySchedule, _ id: OutboxEntry.ID, now: MonotonicTime
  ) -> Int? {
    schedule.meet(id)
    return schedule.isDue(id, now: now) ? schedule.attempt(id, now: now) : nil
  }

  @Test func oneEntryIsTriedAfterGrowingWaitsAndHoldsUpNoOther() {
    var schedule = RelaySchedule()
    #expect(attempt(&schedule, id(1), now: start) == 1)
    #expect(attempt(&schedule, id(1), now: start) == nil)
    #expect(attempt(&schedule, id(2), now: start) == 1)
    #expect(attempt(&schedule, id(1), now: start.adding(ms: 2_001)) == 2)
    #expect(attempt(&schedule, id(1), now: start.adding(ms: 2_500)) == nil)
  }

  @Test func forgetsWhatAWholeLapDidNotMeet() {
    var schedule = RelaySchedule()
    #expect(attempt(&schedule, id(1), now: start) == 1)
    schedule.endLap(sampleActivity)
    #expect(attempt(&schedule, id(1), now: start) == nil, "met in the lap that has ended")
    schedule.endLap(sampleActivity)
    schedule.endLap(sampleActivity)
    #expect(attempt(&schedule, id(1), now: start) == 1)
  }

  @Test func forgetsActivitiesThatHaveNothingWaiting() {
    var schedule = RelaySchedule()
    #expect(attempt(&schedule, id(1), now: start) == 1)
    schedule.keepOnly([sampleActivity])
    #expect(attempt(&schedule, id(1), now: start) == nil)
    schedule.keepOnly([])
    #expect(attempt(&schedule, id(1), now: start) == 1)
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
    _ schedule: inout RelaySchedule, underWay: Set<Int64> = [], afterMs: Int = 0
  ) -> RelayPage {
    let permits = Permits(limit: room)
    let page = RelayPage(
      entries, of: sampleActivity, limit: limit, nowMs: 10_000, ageMs: 2_000,
      schedule: &schedule, now: now.adding(ms: afterMs),
      isUnderWay: { underWay.contains($0.lastSeq) }, take: permits.take(all:))
    #expect(permits.inUse == page.due.reduce(0) { $0 + $1.record.events.count })
    return page
  }

  @Test func publishesInOrderAndGoesOnBehindAFullPage() {
    var schedule = RelaySchedule()
    let page = page([entry(1), entry(3, events: 2), entry(4)], &schedule)
    #expect(page.due.map(\.record.lastSeq) == [1, 3, 4])
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

  /// Written before Redis' clock was set back by an hour.
  @Test func anEntryFromTheFutureHoldsUpNothing() {
    var schedule = RelaySchedule()
    let page = page([entry(1, ageMs: -3_600_000), entry(2)], &schedule)
    #expect(page.due.map(\.record.lastSeq) == [1, 2])
    // Written between the look at the clock and the look at the outbox.
    let young = self.page([entry(3), entry(4, ageMs: -10)], &schedule)
    #expect(young.due.map(\.record.lastSeq) == [3] && young.end == .lap)
  }

  @Test func takesNoMoreThanTheProducerHasRoomFor() {
    var schedule = RelaySchedule()
    let page = page([entry(1), entry(4, events: 3), entry(5)], room: 3, &schedule)
    #expect(page.due.map(\.record.lastSeq) == [1] && page.end == .noRoom)
    let next = self.page([entry(4, events: 3), entry(5)], room: 4, &schedule)
    #expect(next.due.map(\.attempt) == [1, 1], "what had no room was no try")
  }

  /// Neither what is under way, nor what waits for its next try, nor what is young needs room.
  @Test func takesRoomOnlyForWhatIsDue() {
    var schedule = RelaySchedule()
    _ = page([entry(4, events: 3)], &schedule)
    let page = page(
      [entry(1), entry(4, events: 3), entry(5), entry(9, events: 4, ageMs: 0)], limit: 4, room: 1,
      &schedule, underWay: [1])
    #expect(page.due.map(\.record.lastSeq) == [5] && page.end == .lap)
  }

  /// A lap that finds an entry under way does not make it a new one.
  @Test func countsOnAfterALapInWhichItWasUnderWay() {
    var schedule = RelaySchedule()
    #expect(page([entry(1)], &schedule).due.map(\.attempt) == [1])
    for _ in 1...3 {
      #expect(page([entry(1)], &schedule, underWay: [1]).due.isEmpty)
      schedule.endLap(sampleActivity)
    }
    #expect(page([entry(1)], &schedule).due.isEmpty, "its wait goes on")
    #expect(page([entry(1)], &schedule, afterMs: 2_001).due.map(\.attempt) == [2])
  }
}
