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
    let deadline = MonotonicTime.after(ms: deadlineMs)
    if !closeConsumer(client, until: deadline) { return false }
    destroy(until: deadline)
    hasLeft = true
    return true
  }

  /// Frees the client without asking the group for anything.
  func destroy(until deadline: MonotonicTime) {
    waker.close()
    rd_kafka_queue_destroy(queue)
    _ = destroyConsumer(client, state, until: deadline)
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

/// Frees a client; false when that isn't done by the deadline, and then it goes on by itself.
///
/// `rd_kafka_destroy` waits for its threads, and for ever once a partition's topic was deleted and made anew
/// (seen with 2.0.2): so a thread of its own waits for it.
func destroyConsumer(
  _ client: OpaquePointer, _ state: ClientState, until deadline: MonotonicTime
) -> Bool {
  let remains = Remains(client: client, state: state)
  let done = Inbox<Bool>(capacity: 1)
  _ = NamedThread("kafka-destroy") {
    rd_kafka_destroy_flags(remains.client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE)
    withExtendedLifetime(remains.state) { _ = done.offer(true) }
  }
  return done.take(until: deadline)?.first ?? false
}

/// A client that nobody uses any more, with what its callbacks point to.
// Sendable unchecked: the one thread that frees it is the last to touch either.
private struct Remains: @unchecked Sendable {
  let client: OpaquePointer
  let state: ClientState
}

/// What freeing may take where nobody said.
let destroyLimitMs = 1_000

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
