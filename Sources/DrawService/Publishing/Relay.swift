// DESIGN
// A claim is held in Redis and its event stands in the outbox, but whoever was to publish it died, or Kafka
// refused it. The relay of every DrawService sweeps the outboxes and publishes again what is older than a
// normal acknowledgement takes. Several relays at once double events, which is harmless: Postgres orders
// a slot's events by seq and knows the ones that it has.
// The same sweep looks at the fences, for it is the one that comes by regularly. Nothing is relayed out of a fenced
// outbox, or without a lease: recovery publishes that, and what came behind its barrier would be void.

internal import Log
internal import RedisClient
internal import Stock
internal import StockRecords
internal import Threads

struct RelaySettings: Sendable {
  var intervalMs = 500
  var ageMs = 2_000
  /// Entries of a page.
  var batch = 500
}

/// What a relay shares with the other threads.
struct RelayContext: Sendable {
  let endpoint: RedisEndpoint
  let settings: RelaySettings
  let publisher: Publisher
  let lease: LeaseHolder
  let fence: FenceWatch
  let readiness: Readiness
  let meters: Meters
  let log: Log
}

/// Made and used by its own thread.
final class Relay {
  /// Pages of an activity that a sweep reads; the next one goes on behind them.
  private static let pagesPerSweep = 4

  private let context: RelayContext
  private let pokes: Inbox<Void>
  private let scripts = StockScripts()
  private let session: RedisSession
  private var settingsWatch: RedisSettingsWatch
  private var schedule = RelaySchedule()
  /// Where the walk through an outbox goes on: behind this entry.
  private var places: [ActivityID: String] = [:]
  private var unreadable: Set<String> = []

  /// A poke makes it sweep at once; closing `pokes` ends it.
  init(_ context: RelayContext, pokes: Inbox<Void>) {
    self.context = context
    self.pokes = pokes
    session = RedisSession(context.endpoint, scripts: scripts.all)
    settingsWatch = RedisSettingsWatch(readiness: context.readiness, log: context.log)
  }

  func run() {
    repeat {
      do {
        try sweep()
      } catch {
        // The lanes log a lost Redis; here it only means that this sweep did not happen.
        context.meters.countRedisFailure("relay_\(error.kind.rawValue)")
      }
    } while pokes.take(until: .after(ms: context.settings.intervalMs)) != nil
  }

  private func sweep() throws(RedisError) {
    let members = try session.pipeline([RedisCommand("SMEMBERS", RedisKeys.activities)])[0]
    try settingsWatch.check(session)
    guard let members = members.elements else {
      context.meters.countRedisFailure("relay_reply")
      return
    }
    let probed = try probe(members.compactMap { $0.text.flatMap { ActivityID(text: $0) } }.sorted())
    context.fence.take(probed)
    if probed.server?.isOfServer == true { session.renew() }
    let waiting = probed.waiting.sorted { $0.sinceMs < $1.sinceMs }
    if let oldest = waiting.first(where: { $0.sinceMs > 0 }) {
      context.meters.noteOutboxAge(ms: probed.nowMs - oldest.sinceMs)
    }
    let activities = Set(waiting.map(\.activity))
    schedule.keepOnly(activities)
    places = places.filter { activities.contains($0.key) }
    // Not before it is known that the topic has as many partitions as the slots are spread over.
    guard context.readiness.state != .starting else { return }
    guard probed.server == nil, context.lease.view().isValid else { return }
    for (activity, _) in waiting where try !walk(activity, nowMs: probed.nowMs) { return }
  }

  private func probe(_ activities: [ActivityID]) throws(RedisError) -> FenceProbe.Result {
    var result = FenceProbe.Result()
    var rest = activities[...]
    repeat {
      let probe = FenceProbe(activities: Array(rest.prefix(FenceProbe.activityLimit)))
      rest = rest.dropFirst(FenceProbe.activityLimit)
      let commands = probe.commands(scripts, epochSeen: context.lease.epochSeen)
      probe.add(try session.pipeline(commands), to: &result)
    } while !rest.isEmpty
    return result
  }

  /// False when the producer has no room: the rest waits for the next sweep.
  private func walk(_ activity: ActivityID, nowMs: Int64) throws(RedisError) -> Bool {
    for _ in 0..<Self.pagesPerSweep {
      guard let entries = try page(of: activity) else { return true }
      let page = take(entries, of: activity, nowMs: nowMs)
      for error in page.unreadable { complain(error, activity) }
      for (record, attempt) in page.due { publish(record, of: activity, attempt, nowMs) }
      switch page.end {
      case .more(let id): places[activity] = id
      case .lap:
        places[activity] = nil
        schedule.endLap(activity)
        return true
      case .noRoom:
        places[activity] = page.due.last.map { "\($0.record.lastSeq)-0" } ?? places[activity]
        return false
      }
    }
    return true
  }

  /// The next entries; nil when the outbox can't be read.
  private func page(of activity: ActivityID) throws(RedisError) -> [RelayPage.Entry]? {
    let start = places[activity].map { "(\($0)" } ?? "-"
    let reply = try session.pipeline([
      RedisCommand(
        "XRANGE", RedisKeys(activity).outbox, start, "+", "COUNT", "\(context.settings.batch)")
    ])[0]
    guard let elements = reply.elements else {
      context.log.error(
        "outbox_unreadable",
        ["activity": .int(activity.value), "error": .string(reply.error?.description ?? "?")])
      return nil
    }
    return elements.map { element in
      RelayPage.Entry(
        id: element.elements?.first?.text ?? "?",
        content: Result { () throws(OutboxRecord.Unreadable) in
          try OutboxRecord(element, of: activity)
        })
    }
  }

  /// Decides about a page; the permits of what is due are taken.
  private func take(
    _ entries: [RelayPage.Entry], of activity: ActivityID, nowMs: Int64
  ) -> RelayPage {
    RelayPage(
      entries, of: activity, limit: context.settings.batch, nowMs: nowMs,
      ageMs: context.settings.ageMs, schedule: &schedule, now: .now,
      isUnderWay: context.publisher.isUnderWay, take: context.publisher.permits.take(all:))
  }

  private func publish(
    _ record: OutboxRecord, of activity: ActivityID, _ attempt: Int, _ nowMs: Int64
  ) {
    let id = OutboxEntry.ID(activity: activity, epoch: record.epoch, lastSeq: record.lastSeq)
    context.publisher.publish(
      OutboxEntry(id, events: record.events.map { (event: $0, waiter: nil) }))
    context.meters.countRelayed(record.events.count)
    context.log.write(
      attempt > 3 ? .warning : .info, "relayed",
      [
        "activity": .int(activity.value), "seq": .int(record.lastSeq),
        "epoch": .int(record.epoch), "events": .int(record.events.count),
        "attempt": .int(attempt), "ageMs": .int(nowMs - record.timeMs),
      ])
  }

  /// Said once an entry: it stays where it is, and never blocks the others.
  private func complain(_ error: OutboxRecord.Unreadable, _ activity: ActivityID) {
    guard unreadable.count < 1_000, unreadable.insert("\(activity) \(error.id)").inserted else {
      return
    }
    context.log.alarm(
      "outbox_entry_unreadable",
      [
        "activity": .int(activity.value), "id": .string(error.id), "reason": .string(error.reason),
      ])
  }
}
