internal import Stock
internal import Threads

/// The events of one script call, as they stand in the outbox, on their way to Kafka.
///
/// Unchecked: made by a lane or the relay, handed over through the publisher's inbox, and from then on
/// touched by the publisher's thread alone.
final class OutboxEntry: @unchecked Sendable {
  struct ID: Hashable, Sendable {
    let activity: ActivityID
    let lastSeq: Int64
  }

  let id: ID
  /// Emptied with the last report, for each holds its entry.
  private(set) var publications: [Publication] = []
  private var reported = 0
  private var acknowledged = 0

  init(activity: ActivityID, lastSeq: Int64, events: [(event: StockEvent, waiter: DrawRequest?)]) {
    id = ID(activity: activity, lastSeq: lastSeq)
    publications = events.map { Publication(event: $0.event, waiter: $0.waiter, entry: self) }
  }

  /// Every event has its report.
  var isReported: Bool { publications.isEmpty }

  /// Counts the one report of each event; gives the acknowledgement when all of them were good.
  ///
  /// A release's client waits on until then: its answer comes when the slot is freed.
  func report(isAcknowledged: Bool) -> Acknowledgement? {
    reported += 1
    if isAcknowledged { acknowledged += 1 }
    guard reported == publications.count else { return nil }
    defer { publications = [] }
    guard acknowledged == reported else { return nil }
    let releases = publications.compactMap { publication in
      publication.takeWaiter().map { (request: $0, slot: publication.event.slot) }
    }
    return Acknowledgement(activity: id.activity, lastSeq: id.lastSeq, releases: releases)
  }
}

/// One event in the producer, with the client that waits for its delivery report. The publisher's thread
/// alone touches it, as its entry.
final class Publication: @unchecked Sendable {
  let event: StockEvent
  let entry: OutboxEntry
  private var waiter: DrawRequest?

  init(event: StockEvent, waiter: DrawRequest?, entry: OutboxEntry) {
    self.event = event
    self.waiter = waiter
    self.entry = entry
  }

  /// When the client has waited long enough; nil when nobody waits.
  func deadline(ms: Int) -> MonotonicTime? { waiter?.arrived.adding(ms: ms) }

  /// The client that waits, once: it gets exactly one answer.
  func takeWaiter() -> DrawRequest? {
    defer { waiter = nil }
    return waiter
  }
}
