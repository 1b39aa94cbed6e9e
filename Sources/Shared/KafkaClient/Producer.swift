import CRdKafka
import Synchronization
import Threads

// DESIGN
// Any thread sends; one thread, the publisher, blocks in `poll` and gets the delivery reports. A message
// carries its ticket through librdkafka as an opaque pointer that is retained once when the message is
// queued, and taken back once: in the report, or at once when the message was refused.
//
// librdkafka's producer is safe to call from any thread. Its handle is destroyed in `deinit` and nowhere
// else, so that whoever still holds the producer can call it, closed or not.

/// A producer for one topic, with `acks=all`.
///
/// Its own idempotence is off (K1), so a retry may double a message or swap two: consumers must not mind.
// Sendable unchecked: every C call made here is documented as thread-safe, what is mutable sits behind
// an atomic or a lock, and only `poll` and `close` ask for one thread at a time.
public final class KafkaProducer<Ticket: AnyObject & Sendable>: @unchecked Sendable {
  let client: OpaquePointer
  let topic: OpaquePointer
  let reports: OpaquePointer
  let sink: ProducerSink
  let ticketsOut = Atomic<Int>(0)
  private let isClosed = Atomic<Bool>(false)
  private let bell: KafkaBell?

  /// Messages that may be unacknowledged at a time; past it `send` answers `queueFull`.
  public let queueLimit: Int

  /// Connects in the background; a broker that can't be reached is an event, not an error.
  ///
  /// - Parameters:
  ///   - messageTimeoutMs: how long a message may wait for its acknowledgement, retries included.
  ///   - lingerMs: how long a message may wait for others to share a request with.
  ///   - requestsInFlight: requests to a broker that may be unanswered at a time. With few of them messages gather meanwhile, so
  ///     that requests grow with the load, without a timer; librdkafka makes one for each partition.
  ///   - warmUpMs: how long to wait here for the topic's metadata, so that the first message isn't late (K8).
  ///   - bell: rung when there is something to `poll`.
  public init(
    _ settings: KafkaSettings, topic name: String, queueLimit: Int, messageTimeoutMs: Int,
    lingerMs: Int = 1, requestsInFlight: Int = 1_000, warmUpMs: Int = 5_000, bell: KafkaBell? = nil
  ) throws(KafkaError) {
    precondition(queueLimit > 0 && messageTimeoutMs > lingerMs && lingerMs >= 0)
    self.queueLimit = queueLimit
    var layers = PropertyLayers.common(settings)
    layers.defaults += [
      ("compression.type", "lz4"), ("max.in.flight", "\(requestsInFlight)"),
    ]
    layers.fixed += [
      ("acks", "all"), ("enable.idempotence", "false"), ("partitioner", "murmur2_random"),
      ("delivery.report.only.error", "false"), ("linger.ms", "\(lingerMs)"),
      ("queue.buffering.max.messages", "\(queueLimit)"),
      // Only the number of messages bounds the queue, so that permits can be counted.
      ("queue.buffering.max.kbytes", "2147483647"),
      ("message.timeout.ms", "\(messageTimeoutMs)"),
      ("statistics.interval.ms", "1000"),
    ]
    let configuration = try Configuration.make(settings, layers)
    let sink = ProducerSink()
    configuration.withPointer { sink.attach(to: $0) }
    client = try configuration.makeClient(RD_KAFKA_PRODUCER)
    self.sink = sink
    self.bell = bell
    reports = rd_kafka_queue_get_main(client)
    rd_kafka_set_log_queue(client, reports)
    guard let topic = rd_kafka_topic_new(client, name, nil) else {
      let error = KafkaError(rd_kafka_last_error())
      rd_kafka_queue_destroy(reports)
      rd_kafka_destroy(client)
      throw error
    }
    self.topic = topic
    bell?.attach(to: reports)
    warmUp(timeoutMs: warmUpMs)
  }

  deinit {
    _ = purgeAndDrain()  // nobody is left to hand the tickets to
    if bell != nil { KafkaBell.detach(from: reports) }
    rd_kafka_topic_destroy(topic)
    rd_kafka_queue_destroy(reports)
    rd_kafka_destroy(client)
  }

  /// Queues one message. From any thread, never blocks.
  ///
  /// `ticket` is kept while the message is queued and comes back exactly once from `poll`, whatever happens.
  /// Without a partition the key's hash chooses (murmur2, as Java's clients do).
  public func send(
    key: [UInt8], value: [UInt8], partition: Int32? = nil, ticket: Ticket
  ) -> SendOutcome {
    if isClosed.load(ordering: .acquiring) { return .failed(.closed) }
    ticketsOut.add(1, ordering: .relaxed)
    // Retained once here; released once by the report, or below when there won't be one.
    let opaque = Unmanaged.passRetained(ticket)
    // K8: `rd_kafka_produce`, not `rd_kafka_produceva`.
    let status = value.withUnsafeBytes { value in
      key.withUnsafeBytes { key in
        rd_kafka_produce(
          topic, partition ?? RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
          UnsafeMutableRawPointer(mutating: value.baseAddress), value.count,
          key.baseAddress, key.count, opaque.toOpaque())
      }
    }
    if status == 0 { return .queued }
    let error = rd_kafka_last_error()
    opaque.release()
    ticketsOut.subtract(1, ordering: .relaxed)
    return error == RD_KAFKA_RESP_ERR__QUEUE_FULL ? .queueFull : .failed(KafkaError(error))
  }

  /// Tickets that are out: queued and not yet returned by `poll`. From any thread.
  public var outstanding: Int { ticketsOut.load(ordering: .relaxed) }

  /// Whether a broker was connected within the last second or so; what readiness asks. From any thread, no I/O.
  ///
  /// From librdkafka's statistics, which `poll` reads once a second. A broker that vanished without closing its
  /// connection counts as connected until a request to it times out (`socket.timeout.ms`).
  public var isConnected: Bool { sink.isConnected.load(ordering: .relaxed) }

  /// What was said since the last call, bounded. From any thread.
  public func takeEvents() -> [KafkaClientEvent] { sink.events.withLock { $0.take() } }

  /// Makes a `poll` that blocks, or the next one, return at once. From any thread.
  public func wake() { rd_kafka_queue_yield(reports) }

  /// After the publisher's thread has ended: refuses further messages and gives back the tickets of those that are
  /// still queued, purged. May be called twice.
  @discardableResult
  public func close() -> [Delivery<Ticket>] {
    isClosed.store(true, ordering: .releasing)
    return purgeAndDrain()
  }

  /// Waits for the topic's metadata, so that messages find their partition at once (K8).
  private func warmUp(timeoutMs: Int) {
    var metadata: UnsafePointer<rd_kafka_metadata>?
    let error = rd_kafka_metadata(client, 0, topic, &metadata, Int32(timeoutMs))
    if let metadata { rd_kafka_metadata_destroy(metadata) }
    if error == RD_KAFKA_RESP_ERR_NO_ERROR {
      sink.isConnected.store(true, ordering: .relaxed)
    } else {
      sink.append(.error(KafkaError(error)))
    }
  }
}
