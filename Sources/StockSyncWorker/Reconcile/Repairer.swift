import KafkaClient
import PostgresClient
import Stock
import StockRecords
import Threads

/// Sets right what can be set right in the safe direction: towards what was promised, never a lock from an old read.
struct Repairer {
  private final class Ticket: Sendable {
    let place: Int
    init(_ place: Int) { self.place = place }
  }

  private static let publishMs = 10_000

  private let settings: ReconcileSettings
  private let postgres: PostgresSide
  private let redis: RedisSide

  init(_ settings: ReconcileSettings, _ postgres: PostgresSide, _ redis: RedisSide) {
    self.settings = settings
    self.postgres = postgres
    self.redis = redis
  }

  /// Never throws: what fails is said with its finding, and comes again next time.
  func repair(_ findings: inout [Finding]) {
    var events: [(place: Int, event: StockEvent)] = []
    for place in findings.indices where !Self.isLoss(findings[place]) {
      if let event = eventToPublish(findings[place]) {
        events.append((place, event))
      } else {
        do {
          findings[place].repair = try repairInRedis(findings[place])
        } catch {
          findings[place].repair = .failed("\(error)")
        }
      }
    }
    if !events.isEmpty { publish(events, &findings) }
    // Last: what is fenced can't be repaired in any other way.
    fence(&findings)
  }

  /// Redis lacks what Postgres holds, in an activity that looks whole.
  private static func isLoss(_ finding: Finding) -> Bool {
    [.postgresOnly, .redisOlder].contains(finding.difference.kind)
  }

  /// Each activity that has lost something once: then a worker rebuilds it.
  private func fence(_ findings: inout [Finding]) {
    var fenced: Set<ActivityID> = []
    for place in findings.indices where Self.isLoss(findings[place]) {
      guard let view = findings[place].view else { continue }
      do {
        let word =
          fenced.contains(view.activity)
          ? "done"
          : try redis.distrust(
            view.activity, view.slot, lock: findings[place].lock, epoch: view.epoch)
        if word == "done" { fenced.insert(view.activity) }
        findings[place].repair = Self.outcome(
          word, "the activity is fenced, a running worker rebuilds it")
      } catch {
        findings[place].repair = .failed("\(error)")
      }
    }
  }

  /// The very event that made the lock, where Postgres lacks it: the lock keeps its seq and epoch. Its time is not
  /// kept and makes no difference.
  private func eventToPublish(_ finding: Finding) -> StockEvent? {
    guard let view = finding.view, let held = finding.lock.flatMap({ LockRecord(text: $0) }),
      held.epoch == view.epoch, Identifier.isValid(held.user), Identifier.isValid(held.request)
    else { return nil }
    switch finding.difference.kind {
    case .redisOnly, .postgresOlder: break
    case .releasingStuck: if view.hasApplied(held) { return nil }
    default: return nil
    }
    return StockEvent(
      kind: held.isReleasing ? .released : .claimed, activity: view.activity, slot: view.slot,
      seq: held.seq, epoch: held.epoch, user: held.user, request: held.request,
      timeMs: wallClockMs())
  }

  private func publish(_ events: [(place: Int, event: StockEvent)], _ findings: inout [Finding]) {
    for (place, _) in events { findings[place].repair = .failed("Kafka did not acknowledge it") }
    do {
      // With another number the events would stand in partitions that are not their slots'.
      let count = try KafkaAdmin.partitionCount(
        settings.kafka, name: settings.topic, timeoutMs: Self.publishMs)
      guard count == settings.partitions else {
        let reason = "the topic has \(count) partitions, kafka.partitions is \(settings.partitions)"
        for (place, _) in events { findings[place].repair = .failed(reason) }
        return
      }
      let producer = try KafkaProducer<Ticket>(
        settings.kafka, topic: settings.topic, queueLimit: events.count,
        messageTimeoutMs: Self.publishMs)
      for (place, event) in events {
        let sent = producer.send(
          key: event.key, value: event.encoded(),
          partition: event.partition(among: settings.partitions), ticket: Ticket(place))
        if case .failed(let error) = sent { findings[place].repair = .failed("Kafka \(error)") }
      }
      let deadline = MonotonicTime.after(ms: Self.publishMs + 1_000)
      while producer.outstanding > 0, deadline > .now {
        for delivery in producer.poll(timeoutMs: 100) {
          switch delivery.result {
          case .acknowledged:
            findings[delivery.ticket.place].repair = .done("published again")
          case .failed(let error):
            findings[delivery.ticket.place].repair = .failed("Kafka \(error)")
          }
        }
      }
      producer.close()
    } catch {
      for (place, _) in events { findings[place].repair = .failed("Kafka \(error)") }
    }
  }

  private func repairInRedis(_ finding: Finding) throws -> Finding.Repair {
    guard let lock = finding.lock, let slot = finding.difference.slot,
      let id = ActivityID(finding.difference.activity)
    else { return .none }
    let epoch = finding.view?.epoch
    switch finding.difference.kind {
    case .releasingStuck:
      guard let view = finding.view, let held = LockRecord(text: lock), view.hasApplied(held)
      else { return .none }
      return Self.outcome(
        try redis.finishRelease(id, slot, lock: lock, epoch: view.epoch), "slot and user freed")
    case .requestHasOtherSlot:
      guard let view = finding.view else { return .none }
      return try giveBack(view, lock)
    case .lockWithoutUser:
      guard let epoch = try epoch ?? currentEpoch() else { return .none }
      return Self.outcome(
        try redis.restoreUser(id, slot, lock: lock, epoch: epoch), "entered into the record")
    default: return .none
    }
  }

  /// The request keeps its first slot; this one goes back by a release event, and its letter is settled.
  private func giveBack(_ view: SlotView, _ lock: String) throws -> Finding.Repair {
    guard let held = LockRecord(text: lock),
      let letter = view.letter(of: held),
      let kept = try postgres.keptSlot(view.activity, user: held.user, request: held.request)
    else { return .none }
    let word = try redis.giveBack(
      view.activity, view.slot, lock: lock, kept: kept, epoch: view.epoch)
    if word == "done" {
      _ = try DeadLetterReplay(
        DeadLetterStore(topic: settings.topic, connection: postgres.connection)
      ).discard(
        letter.partition, letter.offset,
        DeadLetterStore.Resolver(
          name: "reconcile",
          note: "the request keeps slot \(kept), slot \(view.slot) is given back"))
    }
    return Self.outcome(word, "given back, the request keeps slot \(kept)")
  }

  private func currentEpoch() throws -> Int64? {
    try RecoveryTables(postgres.connection).epoch()
  }

  private static func outcome(_ word: String, _ done: String) -> Finding.Repair {
    switch word {
    case "done": .done(done)
    case "changed": .failed("it has changed meanwhile")
    case "uncounted": .failed("the counts in Redis are not what there is")
    case "not_kept": .failed("Redis does not hold the slot that the request keeps")
    case "there": .failed("the record names the request with another slot")
    default: .failed(word)
    }
  }
}
