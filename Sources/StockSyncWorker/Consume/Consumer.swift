import KafkaClient
import Log
import Threads

/// The thread that owns the Kafka consumer: it polls, decodes, and does what `ConsumerFlow` says.
///
/// Values alone: the consumer is made inside `run`, on its thread.
struct Consumer: Sendable {
  struct Settings: Sendable {
    var kafka: KafkaSettings
    var topic: String
    var group: String
    var sessionTimeoutMs: Int
    var maxPollIntervalMs: Int
    var limits: ConsumerFlow.Limits
    /// For leaving the group.
    var closeMs: Int
  }

  /// Why it ended by itself.
  enum Ending: Sendable, Equatable {
    case stopped
    /// The tables contradict each other; the alarm has been raised.
    case corruption
    case dead(KafkaError)
  }

  let settings: Settings
  let applier: Inbox<ApplierTask>
  let reports: ReportsInbox
  let stats: WorkerStats
  let log: Log

  func run() -> Ending {
    let consumer: KafkaConsumer
    do throws(KafkaError) {
      consumer = try KafkaConsumer(
        settings.kafka, topic: settings.topic, group: settings.group,
        sessionTimeoutMs: settings.sessionTimeoutMs,
        maxPollIntervalMs: settings.maxPollIntervalMs)
    } catch {
      log.alarm("kafka_refuses", ["error": .string(error.description)])
      return .dead(error)
    }
    reports.wakes(consumer.waker)
    var turn = ConsumerTurn(self, consumer)
    while turn.ending == nil { turn.next() }
    if turn.ending == .stopped { turn.finish() }
    if !consumer.close(within: settings.closeMs) {
      log.warning("group_left_late", ["deadlineMs": .int(settings.closeMs)])
    }
    return turn.ending!
  }
}

/// What the consumer hears, with a poll that may have to be woken: the consumer is made after the inbox.
struct ReportsInbox: Sendable {
  let inbox: Inbox<ConsumerReport>
  private let waker = Lock<KafkaWaker?>(nil)

  init() {
    let waker = waker
    inbox = Inbox(capacity: 64, wake: { waker.withLock { $0 }?.wake() })
  }

  func wakes(_ consumer: KafkaWaker) {
    waker.withLock { $0 = consumer }
    consumer.wake()
  }
}
