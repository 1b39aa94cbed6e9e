// DESIGN
// One thread writes heartbeats to the control topic and reads it, with clients of its own: a backlog of claims must not
// end the lease. It sends the next heartbeat whether or not the last one is confirmed, so that one late answer costs
// nothing, and tells everybody through the holder. What the answers mean is a value, Lease.

internal import ControlTopic
internal import KafkaClient
internal import Log
internal import Stock
internal import Threads

struct LeaseSettings: Sendable {
  var topic = "stock.control"
  var durationMs = 5_000
  var heartbeatMs = 1_000
}

/// Made and used by its own thread.
final class LeaseKeeper {
  /// Longest wait for the link: how soon an end of the lease, or of this thread, is noticed.
  private static let turnMs = 100

  private let settings: Settings
  private let holder: LeaseHolder
  private let readiness: Readiness
  private let log: Log
  private let stop: Inbox<Void>
  private var lease: Lease
  private var nextTicket = 0
  private var nextHeartbeat = MonotonicTime.now
  /// Of a heartbeat, since one was confirmed.
  private var lastError: KafkaError?

  /// Closing `stop` ends it.
  init(
    _ settings: Settings, holder: LeaseHolder, readiness: Readiness, log: Log, stop: Inbox<Void>
  ) {
    self.settings = settings
    self.holder = holder
    self.readiness = readiness
    self.log = log
    self.stop = stop
    lease = Lease(durationMs: settings.lease.durationMs)
  }

  func run() {
    guard ensureTopic(), let link = connect() else { return }
    let asking = askSettings()
    var watch = LeaseWatch(start: .now, durationMs: settings.lease.durationMs)
    while stop.takeNow() != nil {
      sendHeartbeat(link)
      for event in link.poll(until: min(nextHeartbeat, .after(ms: Self.turnMs))) { take(event) }
      holder.publish(lease)
      if let change = watch.turn(lease, at: .now) { tell(change) }
    }
    link.close()
    asking.join()
  }

  /// Asking takes up to 2 s, and the lease waits for nobody.
  private func askSettings() -> NamedThread {
    NamedThread("topic-settings") { [settings, log] in
      TopicSettings(minInSyncReplicas: settings.minInSyncReplicas, isCompacted: true)
        .warn(of: settings.lease.topic, settings, log)
    }
  }

  /// Makes sure that the topic is there, for as long as it takes. False: stop.
  private func ensureTopic() -> Bool {
    var backoff = Backoff(initialMs: 200, maximumMs: 5_000)
    let topic = settings.lease.topic
    var saidError: String?
    repeat {
      do {
        let outcome = try ControlLink.ensureTopic(
          settings.kafka, topic: topic, replication: settings.replication,
          minInSyncReplicas: settings.minInSyncReplicas, timeoutMs: 3_000)
        log.info("topic_ready", ["topic": .string(topic), "outcome": "\(outcome)"])
        return true
      } catch {
        let text = "\(error)"
        if text != saidError {
          log.error("topic_not_ready", ["topic": .string(topic), "error": .string(text)])
          saidError = text
        }
        if !error.isRetriable {
          readiness.set(.failed)
          return false
        }
      }
    } while stop.take(until: .after(ms: backoff.nextMs())) != nil
    return false
  }

  private func connect() -> ControlLink? {
    do {
      // An acknowledgement that comes when the lease would be over is worth nothing.
      return try ControlLink(
        settings.kafka, topic: settings.lease.topic,
        messageTimeoutMs: max(1_000, settings.lease.durationMs))
    } catch {
      log.alarm("control_link_failed", ["error": "\(error)"])
      readiness.set(.failed)
      return nil
    }
  }

  private func sendHeartbeat(_ link: ControlLink) {
    guard nextHeartbeat <= .now else { return }
    nextHeartbeat = .after(ms: settings.lease.heartbeatMs)
    let now = BootTime.now
    guard lease.canSend(at: now) else { return }
    nextTicket += 1
    lease.sent(ticket: nextTicket, at: now)
    let record = ControlRecord.heartbeat(instance: settings.instance, timeMs: wallClockMs())
    switch link.send(record, ticket: nextTicket) {
    case .queued: break
    case .queueFull: lease.failed(ticket: nextTicket)
    case .failed(let error):
      lastError = error
      lease.failed(ticket: nextTicket)
    }
  }

  private func take(_ event: ControlEvent) {
    switch event {
    case .acknowledged(let ticket, let offset): lease.acknowledged(ticket: ticket, offset: offset)
    case .failed(let ticket, let error):
      lastError = error
      lease.failed(ticket: ticket)
    case .read(let position, let highestEpoch):
      let before = lease.highestEpoch
      lease.read(position: position, highestEpoch: highestEpoch)
      if lease.highestEpoch > before {
        log.info("epoch_seen", ["epoch": .int(lease.highestEpoch)])
      }
    case .client(let event):
      log.write(event, source: "control")
      if case .fatal = event { readiness.set(.failed) }
    }
    if !lease.hasFailed { lastError = nil }
  }

  private func tell(_ change: LeaseWatch.Change) {
    switch change {
    case .gained:
      readiness.setLease(isHeld: true)
      log.info("lease_gained", ["epoch": .int(lease.highestEpoch)])
    case .lost(let loss):
      readiness.setLease(isHeld: false)
      log.write(
        loss.isAlarm ? .alarm : .warning, "lease_lost",
        [
          "why": .string(loss.why.rawValue), "sinceMs": .int(wallClockMs() - loss.sinceMs),
          "error": .string(lastError?.description ?? "none"),
          "action": "no draws are taken until Kafka acknowledges heartbeats again",
        ])
    }
  }
}
