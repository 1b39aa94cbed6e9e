// DESIGN
// One bounded, locked queue in front of each thread. Producers offer and never wait: a full inbox is a
// refusal that the producer has to answer. The owner takes everything that has arrived as one batch, so
// that batches grow with the load and no timer is needed. A thread that blocks elsewhere (epoll, a Kafka
// queue) gives `wake`, called when the inbox turns from empty to not empty, outside the lock.

/// What became of an offer.
public enum Offer: Sendable, Equatable {
  case accepted
  /// The bound is reached: refuse upstream, nothing was queued.
  case full
  /// The owner takes no more: the process is stopping.
  case closed
}

/// A bounded many-producers, one-consumer queue that hands over all it holds at once.
///
/// Unchecked: what changes is touched with the monitor held, and by nothing else.
public final class Inbox<Element: Sendable>: @unchecked Sendable {
  private let monitor = Monitor()
  private let wake: (@Sendable () -> Void)?
  private var elements: [Element] = []
  private var isClosed = false
  private var isWaiting = false

  /// Elements that fit; an offer beyond it is refused.
  public let capacity: Int

  public init(capacity: Int, wake: (@Sendable () -> Void)? = nil) {
    precondition(capacity > 0)
    self.capacity = capacity
    self.wake = wake
  }

  /// Elements waiting now.
  public var count: Int {
    monitor.lock()
    defer { monitor.unlock() }
    return elements.count
  }

  /// Whether it was closed: nothing more is taken.
  public var hasClosed: Bool {
    monitor.lock()
    defer { monitor.unlock() }
    return isClosed
  }

  public func offer(_ element: Element) -> Offer {
    offer(contentsOf: [element])
  }

  /// All of them or none, in order.
  public func offer(contentsOf batch: [Element]) -> Offer {
    offerFitting(batch, among: capacity, atLeast: batch.count).offer
  }

  /// As many as fit, in order, while fewer than `limit` elements wait; returns how many were taken.
  ///
  /// With a `limit` below the capacity the rest stays for others: work that can be refused leaves room for
  /// work that can't.
  public func offerFitting(_ batch: [Element], limit: Int? = nil) -> Int {
    offerFitting(batch, among: min(limit ?? capacity, capacity), atLeast: 1).count
  }

  private func offerFitting(
    _ batch: [Element], among limit: Int, atLeast minimum: Int
  ) -> (offer: Offer, count: Int) {
    if batch.isEmpty { return (.accepted, 0) }
    monitor.lock()
    if isClosed {
      monitor.unlock()
      return (.closed, 0)
    }
    let count = min(batch.count, max(0, limit - elements.count))
    if count < minimum {
      monitor.unlock()
      return (.full, 0)
    }
    let wasEmpty = elements.isEmpty
    if wasEmpty && count == batch.count {
      elements = batch  // nothing is copied
    } else {
      elements.append(contentsOf: batch.prefix(count))
    }
    let mustSignal = isWaiting
    monitor.unlock()
    // After the lock: the one that wakes would otherwise run into it at once.
    if mustSignal { monitor.signalAll() }
    if wasEmpty { wake?() }
    return (.accepted, count)
  }

  /// Takes everything that is there, at most `limit`, waiting for the first element until `deadline` (nil: for ever).
  ///
  /// Returns an empty array when the deadline passes, and nil once the inbox is closed and empty. What a
  /// `limit` leaves behind calls `wake` no second time: who is woken takes until nothing is left.
  public func take(limit: Int = .max, until deadline: MonotonicTime?) -> [Element]? {
    monitor.lock()
    defer { monitor.unlock() }
    while elements.isEmpty {
      if isClosed { return nil }
      if let deadline, deadline <= .now { return [] }
      isWaiting = true
      monitor.wait(until: deadline)
      isWaiting = false
    }
    return remove(limit)
  }

  /// Takes what is there now without waiting: empty when there is nothing, nil once closed and empty.
  public func takeNow(limit: Int = .max) -> [Element]? {
    monitor.lock()
    defer { monitor.unlock() }
    if elements.isEmpty { return isClosed ? nil : [] }
    return remove(limit)
  }

  /// Refuses offers from now on; what was accepted can still be taken. May be called twice.
  public func close() {
    monitor.lock()
    isClosed = true
    monitor.signalAll()
    monitor.unlock()
    wake?()
  }

  private func remove(_ limit: Int) -> [Element] {
    var taken: [Element] = []
    if elements.count <= limit {
      taken.reserveCapacity(0)
      swap(&taken, &elements)
    } else {
      taken = Array(elements[..<limit])
      elements.removeFirst(limit)
    }
    return taken
  }
}
