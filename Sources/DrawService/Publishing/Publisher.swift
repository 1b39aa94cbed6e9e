// DESIGN
// One thread owns the producer's queue. Lanes and relay hand it outbox entries; it sends their events,
// waits in librdkafka for delivery reports, and turns each into the one answer that its client waits for:
// a claim's at the report, a release's when the lane has freed its slot. A client that has waited for the
// claim deadline is told `pending`; the report still counts when it comes. An event that Kafka refused
// stays in the outbox, and the relay tries it again.

internal import KafkaClient
internal import Log
internal import Stock
internal import Threads

#if TEST_SWITCHES
  internal import TestHolds
#endif

final class Publisher: EntrySink {
  /// Room for claims between script and delivery report, taken by the lanes.
  let permits: Permits

  private let inbox: Inbox<OutboxEntry>
  private let underWay = Lock<Set<OutboxEntry.ID>>([])
  private let producer: KafkaProducer<Publication>
  /// Of the topic.
  private let partitions: Int32
  private let lease: LeaseHolder
  private let router: LaneRouter
  private let replies: ReplySink
  private let readiness: Readiness
  private let meters: Meters
  private let log: Log
  private let deadlineMs: Int

  init(
    producer: KafkaProducer<Publication>, partitions: Int32, permits: Permits, lease: LeaseHolder,
    router: LaneRouter, replies: ReplySink, readiness: Readiness, meters: Meters, log: Log,
    deadlineMs: Int
  ) {
    self.producer = producer
    self.partitions = partitions
    self.permits = permits
    self.lease = lease
    self.router = router
    self.replies = replies
    self.readiness = readiness
    self.meters = meters
    self.log = log
    self.deadlineMs = deadlineMs
    // Each entry holds at least one permit: it always fits.
    inbox = Inbox(capacity: permits.limit, wake: { producer.wake() })
  }

  /// Whether an entry waits for its reports in this instance: the relay leaves it alone.
  func isUnderWay(_ entry: OutboxEntry.ID) -> Bool { underWay.withLock { $0.contains(entry) } }

  /// Takes over an entry and the permits of its events. From any thread.
  func publish(_ entry: OutboxEntry) {
    underWay.withLock { _ = $0.insert(entry.id) }
    if inbox.offer(entry) == .accepted { return }
    underWay.withLock { _ = $0.remove(entry.id) }
    // Only after close: the entry stays in the outbox for the next instance's relay.
    permits.giveBack(entry.events.count)
    log.error(
      "publish_refused", ["activity": .int(entry.id.activity.value), "seq": .int(entry.id.lastSeq)])
  }

  /// Events that Kafka has not reported on.
  var outstanding: Int { permits.inUse }

  /// No more entries: the thread ends once what it has is sent and reported on or purged.
  func close() { inbox.close() }

  /// The thread's body.
  func run() {
    var waiting: [Publication] = []
    var writer = EventWriter()
    var nextSweep = MonotonicTime.now
    var isClosed = false
    while !isClosed || producer.outstanding > 0 {
      var batch = ReplyBatch()
      if let entries = inbox.takeNow() {
        for entry in entries { send(entry, &writer, &waiting, &batch) }
      } else {
        isClosed = true
      }
      replies.send(&batch)
      let timeoutMs = waiting.isEmpty ? 100 : 20
      let deliveries = producer.poll(timeoutMs: timeoutMs)
      if !deliveries.isEmpty {
        #if TEST_SWITCHES
          TestHold.reach("report", log)
        #endif
        // After the reports: under a lease that holds now, what is in Kafka is before any barrier.
        let lease = lease.view()
        for delivery in deliveries { settle(delivery, lease, &batch) }
      }
      if nextSweep <= .now {
        expire(&waiting, &batch)
        nextSweep = .after(ms: 20)
      }
      replies.send(&batch)
      report(producer.takeEvents())
    }
  }

  private func send(
    _ entry: OutboxEntry, _ writer: inout EventWriter, _ waiting: inout [Publication],
    _ batch: inout ReplyBatch
  ) {
    for publication in entry.publications() {
      let event = publication.event
      writer.write(event)
      let outcome = producer.send(
        key: writer.key, value: writer.value, partition: event.partition(among: partitions),
        ticket: publication)
      switch outcome {
      case .queued: waiting.append(publication)
      case .queueFull: leaveToRelay(publication, "the producer's queue is full", &batch)
      case .failed(let error): leaveToRelay(publication, error.description, &batch)
      }
    }
  }

  private func settle(
    _ delivery: Delivery<Publication>, _ lease: LeaseView, _ batch: inout ReplyBatch
  ) {
    permits.giveBack(1)
    var isAcknowledged = true
    if case .failed(let error) = delivery.result {
      isAcknowledged = false
      meters.countPublishFailure(error.description)
    }
    conclude(delivery.ticket, isAcknowledged: isAcknowledged, lease, &batch)
  }

  /// The event is in the outbox: it is not lost, only late.
  private func leaveToRelay(_ publication: Publication, _ reason: String, _ batch: inout ReplyBatch)
  {
    permits.giveBack(1)
    meters.countPublishFailure(reason)
    conclude(publication, isAcknowledged: false, lease.view(), &batch)
  }

  /// Answers the event's client, and hands an entry whose events are all in Kafka back to its lane.
  private func conclude(
    _ publication: Publication, isAcknowledged: Bool, _ lease: LeaseView, _ batch: inout ReplyBatch
  ) {
    let event = publication.event
    let settlement = Settlement(
      event.kind, epoch: event.epoch, isAcknowledged: isAcknowledged, lease: lease)
    if settlement != .waits, let waiter = publication.takeWaiter() {
      batch.add(
        waiter,
        settlement == .claimed
          ? .claimed(slot: event.slot, request: event.request, isReplay: false)
          : .pending(request: event.request))
    }
    guard let acknowledgement = report(publication, isAcknowledged: isAcknowledged),
      !router.acknowledge(acknowledgement)
    else { return }
    for release in acknowledgement.releases {
      batch.add(release.request, .pending(request: release.request.request))
    }
  }

  /// Counts a report; an entry with all of its reports is no longer under way here.
  private func report(_ publication: Publication, isAcknowledged: Bool) -> Acknowledgement? {
    let entry = publication.entry
    let acknowledgement = entry.report(isAcknowledged: isAcknowledged)
    if entry.isReported { _ = underWay.withLock { $0.remove(entry.id) } }
    return acknowledgement
  }

  private func expire(_ waiting: inout [Publication], _ batch: inout ReplyBatch) {
    let now = MonotonicTime.now
    waiting.removeAll { publication in
      guard let deadline = publication.deadline(ms: deadlineMs) else { return true }
      guard deadline <= now, let waiter = publication.takeWaiter() else { return false }
      batch.add(waiter, .pending(request: publication.event.request))
      return true
    }
  }

  /// Client events are said here, for nobody else reads them.
  private func report(_ events: [KafkaClientEvent]) {
    readiness.setKafka(isUsable: producer.isConnected)
    for event in events {
      log.write(event, source: "producer")
      if case .fatal = event { readiness.set(.failed) }
    }
  }
}
