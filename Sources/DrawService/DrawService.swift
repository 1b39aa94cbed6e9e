// DESIGN
// Parts start from the back to the front (Kafka, lease, lanes, relay, HTTP) and stop from the front to the back, the
// lease last: HTTP drains while claims in flight still find their way to Kafka, their acknowledgements back to Redis, and
// a lease that says that they are true.

internal import Glibc
internal import HTTPServer
internal import KafkaClient
internal import Log
internal import RedisClient
internal import Threads

/// One running instance.
struct DrawService {
  /// How often a part that has failed is looked for.
  private static let failureCheckMs = 100

  /// Beyond the deadline: Kafka's clients are closed within about 3 s, where no broker answers.
  private static let closingMs = 4_000

  private let settings: Settings
  private let log: Log

  init(_ settings: Settings, log: Log) {
    self.settings = settings
    self.log = log
  }

  /// Serves until SIGTERM or SIGINT and drains; the process's exit status. Signals must be prepared.
  func run() -> Int32 {
    let parts: Parts
    do {
      parts = try Parts(settings, log)
    } catch {
      log.error("start_failed", ["error": "\(error)"])
      return 1
    }
    log.info("started", ["port": .int(parts.server.port), "lanes": .int(settings.lanes)])
    let isServing = parts.openForDraws(settings, log)
    if isServing { serve(parts) }
    let isDrained = drain(parts)
    return isServing && isDrained && parts.readiness.state != .failed ? 0 : 1
  }

  /// Until a signal comes or a part has failed for good.
  private func serve(_ parts: Parts) {
    var nextStats = MonotonicTime.after(ms: settings.statsIntervalMs)
    #if TEST_SWITCHES
      var testFault = TestFault.fromEnvironment()
    #endif
    while true {
      if let signal = Signals.wait(until: min(nextStats, .after(ms: Self.failureCheckMs))) {
        log.info("stopping", ["signal": .int(signal)])
        return
      }
      if parts.readiness.state == .failed {
        log.alarm(
          "stopping_failed",
          ["action": "drained and ended with status 1; what is in the outbox is relayed"])
        return
      }
      #if TEST_SWITCHES
        if testFault?.isDue == true {
          testFault = nil
          parts.failProducer()
        }
      #endif
      if nextStats <= .now {
        nextStats = nextStats.adding(ms: settings.statsIntervalMs)
        parts.logStats(log)
      }
    }
  }

  /// A second signal ends the process at once, and so does a drain that a stuck thread would never finish.
  private func endEarly(after lastMoment: MonotonicTime) {
    let log = log
    // Not joined: it ends with the process.
    _ = NamedThread("end-early") {
      if Signals.wait(until: lastMoment) != nil { _exit(130) }
      log.alarm("drain_stuck", ["action": "ended with status 1; what is in the outbox is relayed"])
      log.close(until: .after(ms: 500))
      _exit(1)
    }
  }

  private func drain(_ parts: Parts) -> Bool {
    let deadline = MonotonicTime.after(ms: settings.shutdownDeadlineMs)
    endEarly(after: deadline.adding(ms: Self.closingMs))
    parts.readiness.set(.draining)
    let isDrained = parts.drain(until: deadline)
    parts.logStats(log)
    log.info("stopped", ["isDrained": .bool(isDrained)])
    return isDrained
  }
}
