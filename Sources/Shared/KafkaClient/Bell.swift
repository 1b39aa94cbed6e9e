import CLinux
import CRdKafka
import Glibc
public import Threads

// DESIGN
// librdkafka writes to a descriptor when an empty queue gets its first entry. Several clients' queues that
// write to one descriptor let one thread block for all of them, without a latency of alternate polls (K11).
// By edge: after a ring each client is polled until it has nothing more, without waiting, and only then is
// the bell waited for again.

/// Lets one thread wait for several clients at once; any thread may ring it too.
// Sendable unchecked: an eventfd is safe to use from any thread, and the number never changes.
public final class KafkaBell: @unchecked Sendable {
  private let descriptor: Int32

  public init() throws(KafkaError) {
    descriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
    if descriptor < 0 {
      throw KafkaError(code: "_FAIL", message: "eventfd: \(String(cString: strerror(errno)))")
    }
  }

  deinit { Glibc.close(descriptor) }

  /// Makes a `wait`, or the next one, return at once.
  public func ring() { _ = eventfd_write(descriptor, 1) }

  /// Until somebody rings or `deadline`; rings that came before count as one.
  public func wait(until deadline: MonotonicTime) {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    while poll(&entry, 1, Int32(clamping: deadline.remainingMs)) < 0 && errno == EINTR {}
    var rings: eventfd_t = 0
    _ = eventfd_read(descriptor, &rings)
  }

  /// The queue rings from now on. Its owner keeps the bell for as long, and calls `detach` before it lets go.
  func attach(to queue: OpaquePointer) {
    var ring: UInt64 = 1  // what librdkafka writes: an eventfd's eight bytes
    rd_kafka_queue_io_event_enable(queue, descriptor, &ring, MemoryLayout.size(ofValue: ring))
  }

  static func detach(from queue: OpaquePointer) {
    rd_kafka_queue_io_event_enable(queue, -1, nil, 0)
  }
}
