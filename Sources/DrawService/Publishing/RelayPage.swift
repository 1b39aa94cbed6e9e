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
    /// The producer has no room for what follows.
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
  /// Events of what is due.
  private(set) var eventCount = 0
  private(set) var end = End.lap

  /// `entries`: in order; `limit`: how many were asked for; `room`: events that the producer has room for;
  /// `isUnderWay`: whether this instance is publishing the entry already.
  init(
    _ entries: [Entry], of activity: ActivityID,
    limit: Int, nowMs: Int64, ageMs: Int, room: Int, schedule: inout RelaySchedule,
    now: MonotonicTime, isUnderWay: (OutboxEntry.ID) -> Bool
  ) {
    for entry in entries {
      switch entry.content {
      case .failure(let error): unreadable.append(error)
      case .success(let record):
        if nowMs - record.timeMs < Int64(ageMs) { return }
        let id = OutboxEntry.ID(activity: activity, epoch: record.epoch, lastSeq: record.lastSeq)
        if isUnderWay(id) { continue }
        if eventCount + record.events.count > room {
          end = .noRoom
          return
        }
        guard let attempt = schedule.attempt(id, now: now) else { continue }
        eventCount += record.events.count
        due.append((record, attempt))
      }
    }
    if entries.count == limit, let last = entries.last { end = .more(after: last.id) }
  }
}
