import CRdKafka

/// What went wrong with Kafka: a code to branch on, a text for people, and whether trying again can help.
///
/// Values of properties never get in here, for one of them may be a password.
public struct KafkaError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The name that librdkafka gives it: `_TRANSPORT`, `UNKNOWN_TOPIC_OR_PART`; local ones begin with `_`.
  public let code: String
  public let message: String
  /// The same call can succeed later without anybody doing anything but waiting.
  public let isRetriable: Bool
  /// The client is dead for good; only a new one helps.
  public let isFatal: Bool
  /// Of a message that failed: it may be in the topic all the same, only nobody acknowledged it.
  public let isPossiblyPersisted: Bool

  public init(
    code: String, message: String, isRetriable: Bool = false, isFatal: Bool = false,
    isPossiblyPersisted: Bool = false
  ) {
    self.code = code
    self.message = message
    self.isRetriable = isRetriable
    self.isFatal = isFatal
    self.isPossiblyPersisted = isPossiblyPersisted
  }

  public var description: String { "\(code): \(message)" }
}

extension KafkaError {
  init(
    _ error: rd_kafka_resp_err_t, _ message: String? = nil, isPossiblyPersisted: Bool = false
  ) {
    self.init(
      code: String(cString: rd_kafka_err2name(error)),
      message: message ?? String(cString: rd_kafka_err2str(error)),
      isRetriable: retriable.contains(error.rawValue),
      isFatal: error == RD_KAFKA_RESP_ERR__FATAL, isPossiblyPersisted: isPossiblyPersisted)
  }

  /// Takes over an error object; nil for success.
  init?(taking error: OpaquePointer?) {
    guard let error else { return nil }
    defer { rd_kafka_error_destroy(error) }
    self.init(
      code: String(cString: rd_kafka_error_name(error)),
      message: String(cString: rd_kafka_error_string(error)),
      isRetriable: retriable.contains(rd_kafka_error_code(error).rawValue),
      isFatal: rd_kafka_error_is_fatal(error) != 0)
  }

  /// What a client died of, if it is dead (K1: not expected with idempotence off, but then said all the same).
  init?(fatalErrorOf client: OpaquePointer) {
    let text = CText()
    let error = rd_kafka_fatal_error(client, text.bytes, text.capacity)
    if error == RD_KAFKA_RESP_ERR_NO_ERROR { return nil }
    self.init(
      code: String(cString: rd_kafka_err2name(error)), message: text.string, isFatal: true)
  }

  static let closed = KafkaError(code: "_DESTROY", message: "the client has been closed")
}

/// Kafka's own retriable errors, and the local ones that waiting cures.
private let retriable: Set<Int32> = Set(
  [
    RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, RD_KAFKA_RESP_ERR__RESOLVE,
    RD_KAFKA_RESP_ERR__TIMED_OUT, RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE,
    RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, RD_KAFKA_RESP_ERR__QUEUE_FULL,
    RD_KAFKA_RESP_ERR__WAIT_COORD, RD_KAFKA_RESP_ERR__WAIT_CACHE,
    RD_KAFKA_RESP_ERR__PURGE_QUEUE, RD_KAFKA_RESP_ERR__PURGE_INFLIGHT,
    RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
    RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
    RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE,
    RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
    RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
    RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
    RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS, RD_KAFKA_RESP_ERR_NOT_CONTROLLER,
    RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR, RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH,
    RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH, RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE,
    RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED,
  ].map(\.rawValue))

/// Room for an error text that a C call fills in.
final class CText {
  let bytes: UnsafeMutablePointer<CChar>
  let capacity = 512

  init() {
    bytes = .allocate(capacity: capacity)
    bytes.initialize(repeating: 0, count: capacity)
  }

  deinit { bytes.deallocate() }

  var string: String { String(cString: bytes) }
}
