import KafkaClient
import Synchronization
import Threads

/// Counts the tickets that are alive, so that one that is kept or freed too often shows.
final class Census: Sendable {
  let alive = Atomic<Int>(0)
  var count: Int { alive.load(ordering: .acquiring) }
}

final class Ticket: Sendable {
  let id: Int
  private let census: Census

  init(_ id: Int, _ census: Census) {
    self.id = id
    self.census = census
    census.alive.add(1, ordering: .relaxed)
  }

  deinit { census.alive.subtract(1, ordering: .releasing) }
}

/// A producer with the thread that serves it, and what came back from it.
final class ServedProducer: Sendable {
  let producer: KafkaProducer<Ticket>
  let census = Census()
  private let delivered = Lock<[(id: Int, result: DeliveryResult, at: MonotonicTime)]>([])
  private let publisher: Lock<NamedThread?>
  private let isStopping: Stop

  final class Stop: Sendable {
    let flag = Atomic<Bool>(false)
  }

  init(
    _ settings: KafkaSettings, topic: String, queueLimit: Int = 100_000,
    messageTimeoutMs: Int = 30_000, lingerMs: Int = 1
  ) throws {
    let producer = try KafkaProducer<Ticket>(
      settings, topic: topic, queueLimit: queueLimit, messageTimeoutMs: messageTimeoutMs,
      lingerMs: lingerMs)
    self.producer = producer
    let delivered = delivered
    let stop = Stop()
    isStopping = stop
    publisher = Lock(
      NamedThread("publisher") {
        // Ten seconds: a wake that gets lost is seen.
        while !stop.flag.load(ordering: .acquiring) {
          let batch = producer.poll(timeoutMs: 10_000)
          let now = MonotonicTime.now
          delivered.withLock { all in
            all += batch.map { (id: $0.ticket.id, result: $0.result, at: now) }
          }
        }
      })
  }

  var deliveries: [(id: Int, result: DeliveryResult, at: MonotonicTime)] {
    delivered.withLock { $0 }
  }

  func send(_ id: Int, partition: Int32? = nil, bytes: Int = 100) -> SendOutcome {
    let value = Array("\(id)".utf8) + [UInt8](repeating: 0x20, count: max(0, bytes - 8))
    return producer.send(
      key: Array("1_\(id)".utf8), value: value, partition: partition, ticket: Ticket(id, census))
  }

  /// Ends the publisher and closes; what comes back then is returned.
  @discardableResult
  func stop() -> [Delivery<Ticket>] {
    isStopping.flag.store(true, ordering: .releasing)
    producer.wake()
    publisher.withLock { thread in
      thread?.join()
      thread = nil
    }
    return producer.close()
  }
}
