import ControlTopic
import KafkaClient
import Log
import Stock
import Threads

/// Kafka's side of a recovery: the control topic, and the topic of events.
final class RecoveryKafka {
  private final class Ticket: Sendable {}

  /// For one record; past it the step's try has failed.
  private static let messageTimeoutMs = 10_000
  private static let queueLimit = 10_000

  private let control: ControlLink
  private let producer: KafkaProducer<Ticket>
  /// Of the topic of events.
  private let partitions: Int32
  private let sliceMs: Int
  private let log: Log
  private var lastTicket = 0
  private var failure: KafkaError?

  /// `sliceMs`: longest time between two calls of a `breathe`.
  init(_ settings: RecoverySettings, sliceMs: Int, log: Log) throws(KafkaError) {
    partitions = settings.partitions
    self.sliceMs = sliceMs
    self.log = log
    control = try ControlLink(
      settings.kafka, topic: settings.controlTopic,
      // As a DrawService does: a leader that was cut off answers nothing, and is left that soon.
      messageTimeoutMs: max(1_000, settings.timing.leaseMs), warmUpMs: min(1_000, sliceMs))
    producer = try KafkaProducer(
      settings.kafka, topic: settings.topic, queueLimit: Self.queueLimit,
      messageTimeoutMs: Self.messageTimeoutMs, warmUpMs: min(1_000, sliceMs))
  }

  func close() {
    control.close()
    producer.close()
  }

  /// The highest epoch of the control topic, read to its end; 0 without one.
  func highestEpoch(until deadline: MonotonicTime, _ breathe: () throws -> Void) throws -> Int64 {
    try control.readToEnd(until: deadline, breatheMs: sliceMs, breathe) ?? 0
  }

  /// Writes the record of an epoch and returns when all in-sync replicas have it.
  func writeEpoch(_ epoch: Int64, until deadline: MonotonicTime, _ breathe: () throws -> Void)
    throws
  {
    lastTicket += 1
    switch control.send(.epoch(epoch, timeMs: wallClockMs()), ticket: lastTicket) {
    case .queued: break
    case .queueFull: throw Self.full
    case .failed(let error): throw error
    }
    while true {
      for event in control.poll(until: min(deadline, .after(ms: sliceMs))) {
        switch event {
        case .acknowledged(lastTicket, _): return
        case .failed(lastTicket, let error): throw error
        case .client(let event): tell(event)
        case .acknowledged, .failed, .read: break
        }
      }
      if deadline <= .now { throw Self.late }
      try breathe()
    }
  }

  /// One into each partition; returns when all are acknowledged.
  func writeBarriers(
    _ barrier: Barrier, into partitions: [Int32], until deadline: MonotonicTime,
    _ breathe: () throws -> Void
  ) throws {
    failure = nil
    for partition in partitions {
      try send(barrier.key, barrier.encoded(), partition, deadline, breathe)
    }
    try settle(until: deadline, breathe)
  }

  /// Queues events as they are; `settle` waits for them.
  func publish(
    _ events: [StockEvent], until deadline: MonotonicTime, _ breathe: () throws -> Void
  ) throws {
    for event in events {
      try send(
        event.key, event.encoded(), event.partition(among: partitions), deadline, breathe)
    }
  }

  /// Returns when everything that was sent is acknowledged; throws when something was not.
  func settle(until deadline: MonotonicTime, _ breathe: () throws -> Void) throws {
    while producer.outstanding > 0 {
      take()
      if deadline <= .now { throw Self.late }
      try breathe()
    }
    defer { failure = nil }
    if let failure { throw failure }
  }

  private func send(
    _ key: [UInt8], _ value: [UInt8], _ partition: Int32, _ deadline: MonotonicTime,
    _ breathe: () throws -> Void
  ) throws {
    while true {
      switch producer.send(key: key, value: value, partition: partition, ticket: Ticket()) {
      case .queued: return
      case .failed(let error): throw error
      case .queueFull:
        take()
        if deadline <= .now { throw Self.late }
        try breathe()
      }
    }
  }

  private func take() {
    for delivery in producer.poll(timeoutMs: sliceMs) {
      if case .failed(let error) = delivery.result { failure = error }
    }
    for event in producer.takeEvents() { tell(event) }
  }

  private func tell(_ event: KafkaClientEvent) {
    switch event {
    case .error(let error), .fatal(let error):
      log.warning("kafka_error", ["client": "recovery", "error": .string(error.description)])
    case .log, .throttled, .dropped: break
    }
  }

  private static let late = KafkaError(
    code: "_TIMED_OUT", message: "not acknowledged in time", isRetriable: true)
  private static let full = KafkaError(
    code: "_QUEUE_FULL", message: "too many records are unacknowledged", isRetriable: true)
}
