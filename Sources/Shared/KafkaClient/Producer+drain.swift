import CRdKafka
public import Threads

extension KafkaProducer {
  /// Waits until everything queued is acknowledged or has failed; what is left at the deadline is purged.
  ///
  /// Called from another thread while the publisher keeps polling: without it nothing would ever be counted as done
  /// (K10). Every ticket comes back through `poll`, purged ones as failed. True when nothing had to be purged.
  public func flush(until deadline: MonotonicTime) -> Bool {
    let flushed = rd_kafka_flush(client, Int32(clamping: deadline.remainingMs))
    if flushed == RD_KAFKA_RESP_ERR_NO_ERROR { return true }
    purge()
    // Purging is local; the publisher only has to take the reports. Should it not: `close` takes them.
    _ = rd_kafka_flush(client, purgeLimitMs)
    return false
  }

  /// Takes all tickets back by itself: for when no publisher polls any more.
  func purgeAndDrain() -> [Delivery<Ticket>] {
    guard outstanding > 0 else { return [] }
    purge()
    var deliveries: [Delivery<Ticket>] = []
    let deadline = MonotonicTime.after(ms: Int(purgeLimitMs))
    while outstanding > 0 && deadline > .now {
      deliveries += poll(timeoutMs: 100)
    }
    return deliveries
  }

  private func purge() {
    rd_kafka_purge(client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT)
  }
}

private let purgeLimitMs: Int32 = 2_000
