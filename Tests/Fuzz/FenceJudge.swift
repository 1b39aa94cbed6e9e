import RedisClient
import Stock
import StockRecords
import Threads

@testable import DrawService

/// Replies as those to a probe of the fence, and as a page of an outbox.
enum FenceJudge {
  static func judge(_ replies: [RedisReply], of activity: ActivityID) {
    judgePage(replies, of: activity)
    guard replies.count >= 3 else { return }
    var result = FenceProbe.Result()
    FenceProbe(activities: [activity]).add(replies, to: &result)
    demand(result.activities.count + result.waiting.count <= 1, "\(result)")
    if replies[0].elements == nil { demand(result.server != nil, "no reply was trusted") }
    judgePage(replies[2].elements ?? [], of: activity, nowMs: result.nowMs)
  }

  private static func judgePage(
    _ elements: [RedisReply], of activity: ActivityID, nowMs: Int64 = 1_700_000_000_000
  ) {
    var schedule = RelaySchedule(jitterSeed: 1)
    let entries = elements.map { element in
      RelayPage.Entry(
        id: element.elements?.first?.text ?? "?",
        content: Result { () throws(OutboxRecord.Unreadable) in
          try OutboxRecord(element, of: activity)
        })
    }
    let page = RelayPage(
      entries, of: activity, limit: 2, nowMs: nowMs, ageMs: 2_000, schedule: &schedule,
      now: MonotonicTime(nanoseconds: 1), isUnderWay: { $0.lastSeq % 2 == 0 }, take: { $0 < 3 })
    demand(page.due.count + page.unreadable.count <= entries.count, "a page of more than came")
    for (record, attempt) in page.due {
      demand(abs(nowMs - record.timeMs) >= 2_000 && attempt >= 1, "\(record) is due at \(nowMs)")
    }
  }
}
