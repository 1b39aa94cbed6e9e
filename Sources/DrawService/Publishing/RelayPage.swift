internal import Stock
internal import StockRecords
internal import Threads

/// What to do with one page of an outbox: a value, decided without I/O.
struct RelayPage {
  enum End: Equatable {
    /// The whole page was gone through: the next one follows.
    case more(after: String)
    /// The outbox ends here, or what follows is still on its first way.
    case lap
    /// The producer has no room for the next one that is due.
    case noRoom
  }

  /// One element of the stream.
  struct Entry {
    let id: String
    let content: Result<OutboxRecord, OutboxRecord.Unreadable>
  }

  /// To be published again, in the order of their seqs, each with how often that was tried, this time included.
  private(set) var due: [(record: OutboxRecord, attempt: Int)] = []
  private(set) var unreadable: [OutboxRecord.Unreadable] = []
  private(set) var end = End.lap

  /// `entries`: in order; `limit`: how many were asked for; `isUnderWay`: whether this instance is
  /// publishing the entry already; `take`: takes room in the producer for that many events, or none.
  init(
    _ entries: [Entry], of activity: ActivityID,
    limit: Int, nowMs: Int64, ageMs: Int, schedule: inout RelaySchedule,
    now: MonotonicTime, isUnderWay: (OutboxEntry.ID) -> Bool, take: (Int) -> Bool
  ) {
    for entry in entries {
      switch entry.content {
      case .failure(let error): unreadable.append(error)
      case .success(let record):
        // A little in the future: written since the clock was read. Far in it: before Redis' clock was set back.
        if abs(nowMs - record.timeMs) < Int64(ageMs) { return }
        let id = OutboxEntry.ID(activity: activity, epoch: record.epoch, lastSeq: record.lastSeq)
        schedule.meet(id)
        if isUnderWay(id) || !schedule.isDue(id, now: now) { continue }
        if !take(record.events.count) {
          end = .noRoom
          return
        }
        due.append((record, schedule.attempt(id, now: now)))
      }
    }
    if entries.count == limit, let last = entries.last { end = .more(after: last.id) }
  }
}
