import KafkaClient
import Stock
import Threads

/// The producer alone: events of a claim's size and keys that spread over all partitions.
///
/// Their encoding is part of it. One thread sends, another takes the reports.
struct ProducePart {
  private let topic: String
  private let inFlight: Int
  private let seconds: Int
  private let settings: KafkaSettings

  private final class Ticket: Sendable {}

  init(_ options: Options) throws {
    topic = try options.text("topic")
    inFlight = try options.whole("in-flight", 1...1_000_000, default: 8_192)
    seconds = try options.seconds()
    settings = KafkaSettings(
      bootstrap: try Options.environment("SLIDING_STOCK_KAFKA_BOOTSTRAP"), clientId: "bench")
  }

  func run() throws {
    let partitions = Int32(try Options.environment("SLIDING_STOCK_KAFKA_PARTITIONS")) ?? 16
    _ = try KafkaAdmin.ensureTopic(settings, name: topic, partitions: partitions, replication: 1)
    let producer = try KafkaProducer<Ticket>(
      settings, topic: topic, queueLimit: inFlight + 1_000, messageTimeoutMs: 30_000)
    let permits = Inbox<Int>(capacity: inFlight + 1)
    let failed = Lock(0)
    let isOver = Lock(false)
    let reports = NamedThread("reports") {
      while !isOver.withLock({ $0 }) || producer.outstanding > 0 {
        let deliveries = producer.poll(timeoutMs: 100)
        if deliveries.isEmpty { continue }
        let lost = deliveries.count { if case .failed = $0.result { true } else { false } }
        if lost > 0 { failed.withLock { $0 += lost } }
        _ = permits.offer(deliveries.count)
      }
    }
    let started = MonotonicTime.now
    let usAtStart = processorUs()
    let sent = try send(producer, among: partitions, permits)
    isOver.withLock { $0 = true }
    let isFlushed = producer.flush(until: .after(ms: 30_000))
    reports.join()
    tell("messages", sent)
    tell("seconds", Double(MonotonicTime.now.microseconds(since: started)) / 1e6)
    tell("client_us", processorUs() - usAtStart)
    let lost = failed.withLock { $0 }
    if !isFlushed || lost > 0 { throw Failure("\(lost) messages were not acknowledged") }
  }

  private func send(
    _ producer: KafkaProducer<Ticket>, among partitions: Int32, _ permits: Inbox<Int>
  ) throws -> Int {
    let end = MonotonicTime.after(ms: seconds * 1_000)
    let nowMs = wallClockMs()
    let activity = ActivityID(100_001)!
    var (room, sent) = (inFlight, 0)
    var writer = EventWriter()
    while end > .now {
      if room == 0 {
        room = permits.take(until: .after(ms: 1_000))?.reduce(0, +) ?? 0
        continue
      }
      for _ in 0..<min(room, 64) {
        let slot = Int64(sent + 1)
        let digits = String(1_000_000_000_000 + slot)
        let event = StockEvent(
          kind: .claimed, activity: activity, slot: slot, seq: slot, epoch: 1,
          user: "user-" + digits.suffix(8), request: "req-" + digits.suffix(12), timeMs: nowMs)
        writer.write(event)
        let outcome = producer.send(
          key: writer.key, value: writer.value, partition: event.partition(among: partitions),
          ticket: Ticket())
        guard outcome == .queued else { throw Failure("not queued: \(outcome)") }
        sent += 1
        room -= 1
      }
    }
    return sent
  }
}
