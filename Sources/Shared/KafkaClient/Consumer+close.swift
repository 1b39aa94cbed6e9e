import CRdKafka
import Threads

extension KafkaConsumer {
  /// Leaves the group, so that the others get its partitions at once. True when that was done in time.
  ///
  /// Closing can hang when the coordinator is away (K6). Past the deadline (ms from now) everything is left as it is,
  /// for the process is about to exit; nothing is lost, because the position is in Postgres. Called again, it repeats its
  /// answer.
  public func close(within deadlineMs: Int) -> Bool {
    guard isOpen else { return hasLeft }
    isOpen = false
    waker.close()
    if !closeConsumer(client, until: .after(ms: deadlineMs)) { return false }
    destroy()
    hasLeft = true
    return true
  }

  /// Frees the client without asking the group for anything.
  func destroy() {
    waker.close()
    rd_kafka_queue_destroy(queue)
    rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE)
  }
}

/// Gives back what the client consumes; false when that isn't done by the deadline (K6).
func closeConsumer(_ client: OpaquePointer, until deadline: MonotonicTime) -> Bool {
  let closing = rd_kafka_queue_new(client)!
  if KafkaError(taking: rd_kafka_consumer_close_queue(client, closing)) != nil { return false }
  while rd_kafka_consumer_closed(client) == 0 {
    if deadline <= .now { return false }
    if let event = rd_kafka_queue_poll(closing, Int32(clamping: min(20, deadline.remainingMs))) {
      // On this queue the last rebalance comes as an event, not to the callback, and waits for an answer.
      if rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE { rd_kafka_assign(client, nil) }
      rd_kafka_event_destroy(event)
    }
  }
  rd_kafka_queue_destroy(closing)
  return true
}

/// Makes a consumer's `poll` return at once, from any thread; does nothing once the consumer has been closed.
// Sendable unchecked: the pointer is used and taken away under the lock only.
public final class KafkaWaker: Sendable {
  private struct Queue: @unchecked Sendable {
    var pointer: OpaquePointer?
  }
  private let queue: Lock<Queue>

  init(_ pointer: OpaquePointer) { queue = Lock(Queue(pointer: pointer)) }

  public func wake() {
    queue.withLock { queue in
      if let pointer = queue.pointer { rd_kafka_queue_yield(pointer) }
    }
  }

  func close() { queue.withLock { $0.pointer = nil } }
}
