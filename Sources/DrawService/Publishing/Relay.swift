// DESIGN
// A claim is held in Redis and its event stands in the outbox, but whoever was to publish it died, or Kafka
// refused it. The relay of every DrawService sweeps the outboxes and publishes again what is older than a
// normal acknowledgement takes. Several relays at once double events, which is harmless: Postgres orders
// a slot's events by seq and knows the ones that it has.

internal import Log
internal import RedisClient
internal import Stock
internal import StockRecords
internal import Threads

struct RelaySettings: Sendable {
  var intervalMs = 500
  var ageMs = 2_000
  /// Most entries of an activity that a sweep looks at.
  var batch = 500
}

/// Made and used by its own thread.
final class Relay {
  private let settings: RelaySettings
  private let publisher: Publisher
  private let meters: Meters
  private let log: Log
  private let stop: Inbox<Void>
  private let session: RedisSession
  private var schedule = RelaySchedule()
  private var unreadable: Set<String> = []

  /// Closing `stop` ends it.
  init(
    endpoint: RedisEndpoint, settings: RelaySettings, publisher: Publisher, meters: Meters,
    log: Log,
    stop: Inbox<Void>
  ) {
    self.settings = settings
    self.publisher = publisher
    self.meters = meters
    self.log = log
    self.stop = stop
    session = RedisSession(endpoint)
  }

  func run() {
    while stop.take(until: .after(ms: settings.intervalMs)) != nil {
      do {
        try sweep()
      } catch {
        // The lanes log a lost Redis; here it only means that this sweep did not happen.
        meters.countRedisFailure("relay_\(error.kind.rawValue)")
      }
    }
  }

  private func sweep() throws(RedisError) {
    let head = try session.pipeline([
      RedisCommand("TIME"), RedisCommand("SMEMBERS", RedisKeys.activities),
    ])
    guard let seconds = head[0].elements?.first?.text.flatMap({ Int64($0) }),
      let members = head[1].elements
    else {
      meters.countRedisFailure("relay_reply")
      return
    }
    let activities = members.compactMap { $0.text.flatMap { ActivityID(text: $0) } }.sorted()
    schedule.beginSweep()
    for activity in activities { try sweep(activity, nowMs: seconds * 1_000) }
    schedule.endSweep()
  }

  private func sweep(_ activity: ActivityID, nowMs: Int64) throws(RedisError) {
    let replies = try session.pipeline([
      RedisCommand("XRANGE", RedisKeys(activity).outbox, "-", "+", "COUNT", "\(settings.batch)")
    ])
    guard let entries = replies[0].elements else {
      log.error(
        "outbox_unreadable",
        ["activity": .int(activity.value), "error": .string(replies[0].error?.description ?? "?")])
      return
    }
    for (place, entry) in entries.enumerated() {
      do throws(OutboxRecord.Unreadable) {
        let record = try OutboxRecord(entry, of: activity)
        if place == 0 { meters.noteOutboxAge(ms: nowMs - record.timeMs) }
        if nowMs - record.timeMs < Int64(settings.ageMs) { break }
        if !publish(record, of: activity, ageMs: nowMs - record.timeMs) { return }
      } catch {
        complain(error, activity)
      }
    }
  }

  /// False when the producer has no room: the rest waits for the next sweep.
  private func publish(_ record: OutboxRecord, of activity: ActivityID, ageMs: Int64) -> Bool {
    let id = OutboxEntry.ID(activity: activity, lastSeq: record.lastSeq)
    if publisher.isUnderWay(id) { return true }
    let count = record.events.count
    let permits = publisher.permits.take(upTo: count)
    let attempt = permits == count ? schedule.attempt(id, now: .now) : nil
    guard let attempt else {
      publisher.permits.giveBack(permits)
      return permits == count
    }
    publisher.publish(
      OutboxEntry(
        activity: activity, lastSeq: record.lastSeq,
        events: record.events.map { (event: $0, waiter: nil) }))
    meters.countRelayed(count)
    log.write(
      attempt > 3 ? .warning : .info, "relayed",
      [
        "activity": .int(activity.value), "seq": .int(record.lastSeq), "events": .int(count),
        "attempt": .int(attempt), "ageMs": .int(ageMs),
      ])
    return true
  }

  /// Said once an entry: it stays where it is, and never blocks the others.
  private func complain(_ error: OutboxRecord.Unreadable, _ activity: ActivityID) {
    guard unreadable.count < 1_000, unreadable.insert("\(activity) \(error.id)").inserted else {
      return
    }
    log.alarm(
      "outbox_entry_unreadable",
      [
        "activity": .int(activity.value), "id": .string(error.id), "reason": .string(error.reason),
      ])
  }
}
