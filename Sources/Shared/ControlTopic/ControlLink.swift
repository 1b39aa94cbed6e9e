public import KafkaClient
public import Stock
public import Threads

// DESIGN
// A producer and a reader of their own, so that a backlog of claims holds up no heartbeat. Both ring one
// bell, for which the link's thread blocks: an acknowledgement is as late as Kafka makes it.
//
// A record that was sent when the position was p is acknowledged at p or above, for the log only grows. Below p
// the log was cut short (an unclean election) and has grown again: then it is read again from its beginning.

/// One thread's link to the control topic: records go out, and everything in the topic comes in.
public final class ControlLink {
  /// Records that may be unacknowledged at a time.
  public static let queueLimit = 64
  private static let readLimit = 500

  let topic: String
  let instance: String
  private let producer: KafkaProducer<ControlTicket>
  private var reader: KafkaReader
  private let settings: KafkaSettings
  private var stall = ReadStall()
  private let bell: KafkaBell
  private var log = ControlLog()
  /// Not given to the caller yet.
  var held = HeldEvents()
  /// The heartbeat that `readToEnd` waits for, and what became of it.
  var ownHeartbeat: (ticket: ControlTicket, result: DeliveryResult?)?

  /// The next offset to be read, as the last event said; 0 before anything was read.
  public private(set) var position: Int64 = 0

  /// Connects in the background, and waits for the topic's metadata (`warmUpMs` at most), so that the first record
  /// isn't late. A broker that can't be reached is an event, not an error.
  ///
  /// `messageTimeoutMs` bounds the wait for an acknowledgement; librdkafka looks once a second, so up to 1 s more.
  public init(
    _ settings: KafkaSettings, topic: String, messageTimeoutMs: Int, warmUpMs: Int = 1_000
  ) throws(KafkaError) {
    var settings = settings
    // A broker that vanished without closing its connection is given up after that long.
    if settings.properties["socket.timeout.ms"] == nil {
      settings.properties["socket.timeout.ms"] = "\(max(2_000, messageTimeoutMs))"
    }
    self.topic = topic
    self.settings = settings
    instance = settings.clientId
    bell = try KafkaBell()
    producer = try KafkaProducer(
      settings, topic: topic, queueLimit: Self.queueLimit, messageTimeoutMs: messageTimeoutMs,
      lingerMs: 0, warmUpMs: warmUpMs, bell: bell)
    reader = try KafkaReader(settings, topic: topic, bell: bell)
  }

  /// Queues one record; never blocks. The ticket comes back from `poll` once, acknowledged or failed.
  public func send(_ record: ControlRecord, ticket: Int) -> SendOutcome {
    send(record, ControlTicket(number: ticket, position: position))
  }

  /// Everything that has come; waits for it until `deadline`. May return early, even empty.
  ///
  /// At most one `read` comes at a time, and before the acknowledgements: it is at least as new as they are.
  public func poll(until deadline: MonotonicTime) -> [ControlEvent] {
    held.add(collect())
    if held.isEmpty && deadline > .now {
      awaitArrival(until: deadline)
      held.add(collect())
    }
    return held.take()
  }

  /// Ringing it makes a `poll` that waits, or the next one, return at once. From any thread.
  public var waker: KafkaBell { bell }

  /// The highest epoch that this link has ever read; nil: none.
  public var highestEpoch: Int64? { log.highestEpoch }

  /// Records that this version does not know; the first one was said as an event.
  public var undecodableCount: Int { log.undecodableCount }

  /// Whether a broker was connected within the last second or so, as `KafkaProducer.isConnected`.
  public var isConnected: Bool { producer.isConnected }

  /// Gives up what is unacknowledged and closes both clients, within some 3 s. Tickets that are out don't come back.
  public func close() {
    producer.close()
    _ = reader.close()
  }

  func send(_ record: ControlRecord, _ ticket: ControlTicket) -> SendOutcome {
    producer.send(key: record.key, value: record.encoded(), partition: 0, ticket: ticket)
  }

  /// Blocks until something may have come.
  func awaitArrival(until deadline: MonotonicTime) {
    bell.wait(until: min(deadline, reader.retryAt ?? deadline))
  }

  /// Takes what is there, without waiting.
  func collect() -> [ControlEvent] {
    var answers: [ControlEvent] = []
    for delivery in producer.poll(timeoutMs: 0) {
      if let answer = answer(to: delivery, tell: { answers.append(.client($0)) }) {
        answers.append(answer)
      }
    }
    answers += producer.takeEvents().map(ControlEvent.client)
    let read = read(tell: { answers.append(.client($0)) })
    answers += reader.takeEvents().map(ControlEvent.client)
    if let missing = stall.due(isConnected: isConnected, now: .now) {
      answers.append(.client(replaceReader(missing)))
    }
    return (read.map { [$0] } ?? []) + answers
  }

  private func answer(
    to delivery: Delivery<ControlTicket>, tell: (KafkaClientEvent) -> Void
  ) -> ControlEvent? {
    let ticket = delivery.ticket
    if case .acknowledged(_, let offset) = delivery.result, offset < ticket.position {
      reader.startAgain()
      tell(
        .error(
          KafkaError(
            code: "OFFSET_OUT_OF_RANGE",
            message: "\(topic) was cut short: a record came to offset \(offset), though all below "
              + "\(ticket.position) had been read; reading starts again from the beginning")))
    }
    if case .acknowledged(_, let offset) = delivery.result {
      stall.acknowledged(offset, position: position, now: .now)
    }
    if ticket === ownHeartbeat?.ticket { ownHeartbeat?.result = delivery.result }
    guard let number = ticket.number else { return nil }
    switch delivery.result {
    case .acknowledged(_, let offset): return .acknowledged(ticket: number, offset: offset)
    case .failed(let error): return .failed(ticket: number, error)
    }
  }

  /// Reads on from another connection.
  ///
  /// A leader that was deposed and doesn't know it answers fetches with what it had, without an error, and librdkafka
  /// asks it about itself. A new client asks any of the brokers who leads.
  private func replaceReader(_ offset: Int64) -> KafkaClientEvent {
    do {
      let fresh = try KafkaReader(settings, topic: topic, from: reader.position, bell: bell)
      _ = reader.close(within: 100)
      reader = fresh
      return .log(
        level: 4, facility: "CONTROL",
        text: "the record at offset \(offset) is acknowledged and cannot be read from this leader: "
          + "it may be cut off, another connection is tried")
    } catch {
      return .error(error)
    }
  }

  private func read(tell: (KafkaClientEvent) -> Void) -> ControlEvent? {
    var highest: Int64?
    for message in reader.poll(limit: Self.readLimit, until: .now) {
      guard let epoch = log.take(message, tell: tell) else { continue }
      highest = max(highest ?? epoch, epoch)
    }
    let now = reader.position ?? 0
    if now == position && highest == nil { return nil }
    stall.read(from: position, to: now, now: .now)
    position = now
    return .read(position: now, highestEpoch: highest)
  }
}

/// What a record carries through librdkafka.
final class ControlTicket: Sendable {
  /// The caller's number; nil: the link's own heartbeat.
  let number: Int?
  /// Where the link was when the record was sent.
  let position: Int64

  init(number: Int?, position: Int64) {
    self.number = number
    self.position = position
  }
}
