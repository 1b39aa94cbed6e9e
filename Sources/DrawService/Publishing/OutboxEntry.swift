internal import Protections
internal import Stock
internal import Threads

/// The events of one script call, as they stand in the outbox, on their way to Kafka, with the clients that
/// wait for them.
///
/// Unchecked: made by a lane or the relay, handed over through the publisher's inbox, and from then on
/// touched by the publisher's thread alone.
final class OutboxEntry: @unchecked Sendable {
  struct ID: Hashable, Sendable {
    let activity: ActivityID
    /// A recovery may give a seq again that a lost claim had.
    let epoch: Int64
    let lastSeq: Int64
  }

  let id: ID
  let events: [StockEvent]
  /// By the event's place; each is taken once, for it gets exactly one answer.
  private var waiters: [DrawRequest?]
  private var reported = 0
  private var acknowledged = 0

  /// `events` are of one epoch and one kind, as one script call wrote them; at least one.
  init(_ id: ID, events: [(event: StockEvent, waiter: DrawRequest?)]) {
    precondition(!events.isEmpty, "an outbox entry without events")
    self.id = id
    self.events = events.map(\.event)
    waiters = events.map(\.waiter)
  }

  /// What the producer carries: one for each event. They hold the entry, which holds none of them.
  func publications() -> [Publication] {
    events.indices.map { Publication(entry: self, place: $0) }
  }

  /// When the client of an event has waited long enough; nil when nobody waits.
  func deadline(at place: Int, ms: Int) -> MonotonicTime? { waiters[place]?.arrived.adding(ms: ms) }

  /// The client that waits for an event.
  func takeWaiter(at place: Int) -> DrawRequest? {
    defer { waiters[place] = nil }
    return waiters[place]
  }

  /// Every event has its report.
  var isReported: Bool { reported == events.count }

  /// Counts the one report of each event; gives the acknowledgement when all of them were good.
  ///
  /// A release's client waits on until then: its answer comes when the slot is freed.
  func report(isAcknowledged: Bool) -> Acknowledgement? {
    reported += 1
    if isAcknowledged || !Protection.outboxDeletedAfterAcknowledgement.isOn { acknowledged += 1 }
    guard acknowledged == events.count else { return nil }
    let releases = events.indices.compactMap { place in
      takeWaiter(at: place).map { (request: $0, slot: events[place].slot) }
    }
    return Acknowledgement(
      activity: id.activity, epoch: id.epoch, lastSeq: id.lastSeq, kind: events[0].kind,
      releases: releases)
  }
}

/// One event in the producer: a reference to its place in its entry.
final class Publication: Sendable {
  let entry: OutboxEntry
  private let place: Int

  init(entry: OutboxEntry, place: Int) {
    self.entry = entry
    self.place = place
  }

  var event: StockEvent { entry.events[place] }
  func deadline(ms: Int) -> MonotonicTime? { entry.deadline(at: place, ms: ms) }
  func takeWaiter() -> DrawRequest? { entry.takeWaiter(at: place) }
}
