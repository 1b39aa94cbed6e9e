// DESIGN
// Main makes the inboxes, starts the four threads and waits for a signal. Postgres' version and the topic are
// looked at first, for as long as it takes: a worker that starts before its servers waits for them. Stopping goes
// from the front to the back: the consumer hands over its last batch, hears how it ended and leaves the group, then
// the applier's, the keeper's and the recovery's inboxes are closed.

import Glibc
import KafkaClient
import Log
import PostgresClient
import Threads

struct Worker {
  private let settings: WorkerSettings
  private let log: Log

  /// Runs until a signal; the process's exit status.
  static func run(_ settings: WorkerSettings) throws -> CommandStatus {
    Signals.prepare()  // before any thread
    let log = Log(service: "worker", instance: settings.instance, level: settings.logLevel)
    defer { log.close(until: .after(ms: 1_000)) }
    let worker = Worker(settings: settings, log: log)
    log.info("starting", ["topic": .string(settings.consumer.topic)])
    switch worker.prepare() {
    case .ready: return worker.work()
    case .stopped: return .ok
    case .refused: return .refused
    }
  }

  enum Preparation {
    case ready
    case stopped
    case refused
  }

  /// Database version and topic, tried again until they are there, a signal comes, or they are wrong.
  private func prepare() -> Preparation {
    var backoff = Backoff(initialMs: 100, maximumMs: 3_000)
    while true {
      switch checkDatabase().flatMap({ checkTopics() }) {
      case .success: return .ready
      case .failure(let problem):
        if !problem.mayPass {
          log.alarm("start_refused", ["error": .string(problem.message)])
          return .refused
        }
        log.warning("start_waits", ["error": .string(problem.message)])
      }
      if Signals.wait(until: .after(ms: backoff.nextMs())) != nil { return .stopped }
    }
  }

  private struct Problem: Error {
    let message: String
    let mayPass: Bool
  }

  private func checkDatabase() -> Result<Void, Problem> {
    do throws(MigrationError) {
      let connection: PostgresConnection
      do { connection = try PostgresConnection(settings.postgres) } catch { throw .postgres(error) }
      try Migrations.verify(on: connection)
      return .success(())
    } catch {
      if case .postgres(let cause) = error, cause.kind == .retry {
        return .failure(Problem(message: error.description, mayPass: true))
      }
      return .failure(Problem(message: error.description, mayPass: false))
    }
  }

  private func checkTopics() -> Result<Void, Problem> {
    do throws(KafkaError) {
      let control = settings.recovery.controlTopic
      if try settings.recovery.ensureControlTopic(timeoutMs: 5_000) == .created {
        log.info("topic_made", ["topic": .string(control), "partitions": 1])
      }
      let state = try KafkaAdmin.ensureTopic(
        settings.consumer.kafka, name: settings.consumer.topic, partitions: settings.partitions,
        replication: settings.replication, configuration: settings.topicConfiguration,
        timeoutMs: 5_000)
      if state == .created {
        log.info(
          "topic_made",
          ["topic": .string(settings.consumer.topic), "partitions": .int(settings.partitions)])
      }
      return .success(())
    } catch {
      return .failure(Problem(message: error.description, mayPass: error.isRetriable))
    }
  }

  private func work() -> CommandStatus {
    let stats = WorkerStats()
    let reports = ReportsInbox()
    let tasks = Inbox<ApplierTask>(capacity: 64)
    let keeperEnd = Inbox<Never>(capacity: 1)
    let recoveryEnd = Inbox<Never>(capacity: 1)
    let ends = Inbox<End>(capacity: 4)
    let isStopping = Lock(false)
    let consumer = Consumer(
      settings: settings.consumer, applier: tasks, reports: reports, stats: stats, log: log)
    let applier = Applier(
      settings: settings.postgres, topic: settings.consumer.topic, inbox: tasks,
      reports: reports.inbox, stats: stats, log: log)
    let keeper = Keeper(
      postgres: settings.keeperPostgres, intervalMs: settings.statsIntervalMs,
      stallMs: settings.stallMs, stats: stats, log: log, inbox: keeperEnd)

    let recovery = Recovery(settings: settings.recovery, log: log, inbox: recoveryEnd)

    _ = NamedThread("applier") {
      applier.run()
      _ = ends.offer(.applier)
    }
    _ = NamedThread("keeper") {
      keeper.run()
      _ = ends.offer(.keeper)
    }
    _ = NamedThread("recovery") {
      recovery.run()
      _ = ends.offer(.recovery)
    }
    _ = NamedThread("consumer") {
      _ = ends.offer(.consumer(consumer.run()))
      // Main waits for signals: one of our own wakes it when the consumer ends by itself.
      if !isStopping.withLock({ $0 }) { kill(getpid(), SIGTERM) }
    }
    log.info("started", ["group": .string(settings.consumer.group)])
    _ = Signals.wait()
    isStopping.withLock { $0 = true }
    _ = NamedThread("second-signal") {
      if Signals.wait() != nil { _exit(130) }
    }
    log.info("stopping", ["deadlineMs": .int(settings.shutdownDeadlineMs)])
    _ = reports.inbox.offer(.stop)
    return drain(ends, then: [tasks.close, keeperEnd.close, recoveryEnd.close])
  }

  /// What a thread says when it ends.
  private enum End: Sendable {
    case consumer(Consumer.Ending)
    case applier
    case keeper
    case recovery
  }

  /// Waits for the consumer, lets the others end then and waits for them, all within the deadline. Threads that
  /// are late end with the process.
  private func drain(_ ends: Inbox<End>, then release: [() -> Void]) -> CommandStatus {
    let deadline = MonotonicTime.after(ms: settings.shutdownDeadlineMs)
    var ending: Consumer.Ending?
    var count = 0
    while count < 4 {
      guard let heard = ends.take(until: deadline), !heard.isEmpty else {
        log.error("stopped_late", ["deadlineMs": .int(settings.shutdownDeadlineMs)])
        return ending == .corruption ? .corruption : .refused
      }
      count += heard.count
      for case .consumer(let how) in heard {
        ending = how
        for step in release { step() }
      }
    }
    log.info("stopped", ["ending": "\(ending.map { "\($0)" } ?? "")"])
    switch ending {
    case .stopped?, nil: return .ok
    case .corruption?: return .corruption
    case .dead?: return .unavailable
    }
  }
}
