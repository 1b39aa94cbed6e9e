import Threads

/// What a client has to say beside messages; the service logs it.
public enum KafkaClientEvent: Sendable, Equatable {
  /// A connection lost, all brokers down, an authentication refused. It goes on trying.
  case error(KafkaError)
  /// The client is dead for good: log, exit (K1).
  case fatal(KafkaError)
  /// A line of librdkafka's own log; the level is syslog's, 0 (emergency) to 7 (debug).
  case log(level: Int, facility: String, text: String)
  /// A broker slowed this client down to keep a quota.
  case throttled(broker: String, ms: Int)
  /// Events that did not fit between two calls of `takeEvents`.
  case dropped(count: Int)

  /// A person should look: it won't pass by waiting.
  public var isSerious: Bool {
    switch self {
    case .fatal: true
    case .error(let error): !error.isRetriable
    case .log(let level, _, _): level < 3  // at 3, librdkafka reports each lost connection
    case .throttled, .dropped: false
    }
  }
}

/// What a consumer has to say, in the order in which it happened.
public enum ConsumerEvent: Sendable, Equatable {
  /// The group gave these partitions; nothing is read until `assign`.
  case assigned([Int32])
  /// The group takes these back; they are read no more.
  case revoked([Int32])
  /// As `revoked`, but too late to finish anything: others may have them already.
  case lost([Int32])
  /// Alarm: the partition has stopped here and nothing is skipped; the next `assign` tries again.
  case partitionError(partition: Int32, KafkaError)
  case client(KafkaClientEvent)
}

/// Events between two `takeEvents`; what comes past the bound is counted, not kept.
struct EventBuffer: Sendable {
  private static let capacity = 256
  private var events: [KafkaClientEvent] = []
  private var dropped = 0

  var isEmpty: Bool { events.isEmpty && dropped == 0 }

  mutating func append(_ event: KafkaClientEvent) {
    if events.count < Self.capacity { events.append(event) } else { dropped += 1 }
  }

  mutating func take() -> [KafkaClientEvent] {
    if dropped > 0 { events.append(.dropped(count: dropped)) }
    dropped = 0
    defer { events.removeAll(keepingCapacity: true) }
    return events
  }
}
