import CRdKafka
import Threads

/// How far a reader is, and whether it goes on; touched on the reader's own thread only.
final class ReaderState: ClientState {
  /// The next offset to be read; nil: wherever the log begins.
  var position: Int64?
  /// Set while the partition has stopped: nothing is taken until it was assigned again, from then on.
  var retryAt: MonotonicTime?

  init(position: Int64?) { self.position = position }

  var isRetryDue: Bool { retryAt.map { $0 <= .now } ?? false }

  /// Whether this is a message for the caller.
  func take(_ message: UnsafePointer<rd_kafka_message_t>) -> Bool {
    switch message.pointee.err {
    case RD_KAFKA_RESP_ERR_NO_ERROR: return advance(past: message.pointee.offset)
    case RD_KAFKA_RESP_ERR__PARTITION_EOF: reachEnd(at: message.pointee.offset)
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET: loseOffset(errorText(message))
    default:
      let error = KafkaError(message.pointee.err, errorText(message))
      // Not the partition's: librdkafka deals with it.
      if message.pointee.rkt == nil { append(.error(error)) } else { stop(error) }
    }
    return false
  }

  /// Tries again, a little later.
  func stop(_ error: KafkaError) {
    append(.error(error))
    retryAt = .after(ms: retryMs)
  }

  private func advance(past offset: Int64) -> Bool {
    guard retryAt == nil, offset >= position ?? 0 else { return false }
    position = offset + 1
    return true
  }

  private func reachEnd(at offset: Int64) {
    guard retryAt == nil else { return }
    position = max(position ?? 0, offset)
  }

  private func loseOffset(_ text: String) {
    guard retryAt == nil else { return }
    position = nil
    stop(
      KafkaError(
        code: "OFFSET_OUT_OF_RANGE", message: "reading starts again from the beginning: \(text)"))
  }
}

private func errorText(_ message: UnsafePointer<rd_kafka_message_t>) -> String {
  rd_kafka_message_errstr(message).map { String(cString: $0) } ?? ""
}

private let retryMs = 500
