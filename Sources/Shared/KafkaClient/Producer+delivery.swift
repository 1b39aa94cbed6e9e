import CRdKafka
import Glibc
import Synchronization
import Threads

extension KafkaProducer {
  /// Delivery reports, about `limit` of them; blocks for the first one until the time is over or `wake`.
  ///
  /// One thread does this and nothing slow in between: an acknowledgement is as late as this call (K11).
  public func poll(timeoutMs: Int, limit: Int = 10_000) -> [Delivery<Ticket>] {
    precondition(timeoutMs >= 0 && limit > 0)
    var deliveries: [Delivery<Ticket>] = []
    var waitMs = Int32(clamping: timeoutMs)
    // A report event carries a whole batch; the others are few, and bounded here all the same.
    for _ in 0..<limit {
      guard let event = rd_kafka_queue_poll(reports, waitMs) else { break }
      waitMs = 0
      if rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR {
        takeReports(event, into: &deliveries)
      } else {
        sink.take(event, of: client)
      }
      rd_kafka_event_destroy(event)
      if deliveries.count >= limit { break }
    }
    return deliveries
  }

  private func takeReports(_ event: OpaquePointer, into deliveries: inout [Delivery<Ticket>]) {
    let count = rd_kafka_event_message_count(event)
    deliveries.reserveCapacity(deliveries.count + count)
    var taken = 0
    while let message = rd_kafka_event_message_next(event) {
      // Retained by `send`; the one report of the message gives it back.
      let ticket = Unmanaged<Ticket>.fromOpaque(message.pointee._private!).takeRetainedValue()
      deliveries.append(Delivery(ticket: ticket, result: DeliveryResult(message)))
      taken += 1
    }
    ticketsOut.subtract(taken, ordering: .relaxed)
  }
}

extension DeliveryResult {
  fileprivate init(_ message: UnsafePointer<rd_kafka_message_t>) {
    let error = message.pointee.err
    if error == RD_KAFKA_RESP_ERR_NO_ERROR {
      self = .acknowledged(partition: message.pointee.partition, offset: message.pointee.offset)
    } else {
      let status = rd_kafka_message_status(message)
      self = .failed(
        KafkaError(error, isPossiblyPersisted: status != RD_KAFKA_MSG_STATUS_NOT_PERSISTED))
    }
  }
}

/// Where everything goes that isn't a delivery report; librdkafka calls back with it while `poll` runs.
final class ProducerSink: Sendable {
  let events = Lock(EventBuffer())
  let isConnected = Atomic<Bool>(false)

  func append(_ event: KafkaClientEvent) { events.withLock { $0.append(event) } }

  /// The producer owns the sink and outlives the client's handle, so no retain is needed.
  func attach(to configuration: OpaquePointer) {
    rd_kafka_conf_set_events(
      configuration,
      RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG | RD_KAFKA_EVENT_STATS)
    rd_kafka_conf_set_opaque(configuration, Unmanaged.passUnretained(self).toOpaque())
    // Throttling has no event of its own.
    rd_kafka_conf_set_throttle_cb(configuration) { _, broker, _, ms, opaque in
      let sink = Unmanaged<ProducerSink>.fromOpaque(opaque!).takeUnretainedValue()
      sink.append(
        .throttled(broker: broker.map { String(cString: $0) } ?? "?", ms: Int(ms)))
    }
  }

  /// One event that isn't a report.
  func take(_ event: OpaquePointer, of client: OpaquePointer) {
    switch rd_kafka_event_type(event) {
    case RD_KAFKA_EVENT_STATS: isConnected.store(hasConnectedBroker(event), ordering: .relaxed)
    case RD_KAFKA_EVENT_ERROR: takeError(event, of: client)
    case RD_KAFKA_EVENT_LOG: append(KafkaClientEvent(log: event))
    default: break  // none other is enabled
    }
  }

  private func takeError(_ event: OpaquePointer, of client: OpaquePointer) {
    let error = rd_kafka_event_error(event)
    if error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN { isConnected.store(false, ordering: .relaxed) }
    if let fatal = KafkaError(fatalErrorOf: client) {
      append(.fatal(fatal))
    } else {
      append(.error(KafkaError(error, String(cString: rd_kafka_event_error_string(event)))))
    }
  }
}

extension KafkaClientEvent {
  fileprivate init(log event: OpaquePointer) {
    var facility: UnsafePointer<CChar>?
    var text: UnsafePointer<CChar>?
    var level: Int32 = 0
    _ = rd_kafka_event_log(event, &facility, &text, &level)
    self = .log(
      level: Int(level), facility: facility.map { String(cString: $0) } ?? "",
      text: text.map { String(cString: $0) } ?? "")
  }
}

/// The statistics name each broker's state; only a broker's is spelled like this, the group's has a space.
func hasConnectedBroker(_ event: OpaquePointer) -> Bool {
  guard let statistics = rd_kafka_event_stats(event) else { return false }
  return strstr(statistics, "\"state\":\"UP\"") != nil
}
