/// One record of the topic.
public struct KafkaMessage: Sendable, Equatable {
  public let partition: Int32
  public let offset: Int64
  public let key: [UInt8]?
  public let value: [UInt8]?
  /// Milliseconds since 1970 as the record says; -1 without.
  public let timestampMs: Int64

  public init(
    partition: Int32, offset: Int64, key: [UInt8]?, value: [UInt8]?, timestampMs: Int64
  ) {
    self.partition = partition
    self.offset = offset
    self.key = key
    self.value = value
    self.timestampMs = timestampMs
  }
}

/// What became of a message that was offered to the producer.
public enum SendOutcome: Sendable, Equatable {
  /// Its ticket comes back in a `Delivery`.
  case queued
  /// The bound on unacknowledged messages is reached; the ticket is not kept.
  case queueFull
  /// It can't be sent at all; the ticket is not kept.
  case failed(KafkaError)
}

/// How a queued message ended.
public struct Delivery<Ticket: AnyObject & Sendable>: Sendable {
  public let ticket: Ticket
  public let result: DeliveryResult

  public init(ticket: Ticket, result: DeliveryResult) {
    self.ticket = ticket
    self.result = result
  }
}

public enum DeliveryResult: Sendable, Equatable {
  /// All in-sync replicas have it.
  case acknowledged(partition: Int32, offset: Int64)
  /// Not acknowledged. Where `isPossiblyPersisted` says so, it may be in the topic all the same.
  case failed(KafkaError)
}
