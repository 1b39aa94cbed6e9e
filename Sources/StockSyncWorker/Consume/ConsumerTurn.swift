import KafkaClient
import Log
import Threads

/// The consumer thread's loop body and what it carries from turn to turn.
struct ConsumerTurn {
  /// Longest wait in one poll: stats and the watchdog see the thread alive.
  private static let pollMs = 500

  private let parts: Consumer
  private let consumer: KafkaConsumer
  private var flow: ConsumerFlow
  private var slowStatsAt = MonotonicTime.now
  private(set) var ending: Consumer.Ending?

  init(_ parts: Consumer, _ consumer: KafkaConsumer) {
    self.parts = parts
    self.consumer = consumer
    flow = ConsumerFlow(parts.settings.limits)
  }

  /// One turn: messages, what the group says, what the applier says, time.
  mutating func next() {
    if flow.isFull {
      // No room: only the applier's report, or being busy for too long, changes that.
      hear(
        parts.reports.inbox.take(until: flow.nextTick(now: .now) ?? .after(ms: Self.pollMs)))
    } else {
      gather()
      hear(parts.reports.inbox.takeNow())
    }
    perform(flow.tick(now: .now))
    tellStats()
  }

  private mutating func gather() {
    let latest = MonotonicTime.after(ms: Self.pollMs)
    let deadline = flow.nextTick(now: .now).map { min($0, latest) } ?? latest
    let messages = consumer.poll(limit: max(1, flow.room), until: deadline)
    let now = MonotonicTime.now
    // They came before the events.
    for message in messages { take(message, now) }
    if !messages.isEmpty { parts.stats.count { $0.messages += messages.count } }
    for event in consumer.takeEvents() { handle(event, now) }
  }

  private mutating func take(_ message: KafkaMessage, _ now: MonotonicTime) {
    let decoded = StreamMessage.decode(
      partition: message.partition, offset: message.offset, key: message.key,
      payload: message.value)
    switch decoded {
    case .message(let message):
      let wasFailing = !flow.failing.isEmpty && flow.failing.contains(message.partition)
      flow.take(message, now: now)
      if wasFailing, !flow.failing.contains(message.partition) {
        parts.log.info("partition_goes_on", ["partition": .int(message.partition)])
      }
    case .tooNew(let reason):
      if flow.stuck[message.partition] == nil {
        tellStopped(event: "partition_too_new", message.partition, at: message.offset, reason)
      }
      flow.leaveOut(message.partition, because: reason)
    }
  }

  /// Said once, until something of the partition is read again.
  private mutating func fail(_ partition: Int32, _ reason: String, _ now: MonotonicTime) {
    guard flow.stuck[partition] == nil else { return }
    if !flow.failing.contains(partition) {
      tellStopped(event: "partition_stopped", partition, at: flow.positions[partition], reason)
    }
    flow.leaveOut(partition, failing: reason, now: now)
  }

  private func tellStopped(
    event: StaticString, _ partition: Int32, at offset: Int64?, _ reason: String
  ) {
    parts.log.alarm(
      event,
      [
        "partition": .int(partition), "offset": .int(offset ?? -1), "reason": .string(reason),
      ])
  }

  private mutating func handle(_ event: ConsumerEvent, _ now: MonotonicTime) {
    switch event {
    case .assigned(let partitions):
      parts.stats.count { $0.rebalances += 1 }
      parts.log.info(
        "assigned",
        [
          "partitions": list(partitions), "member": .string(consumer.memberId ?? ""),
          "generation": .int(consumer.generation ?? -1),
        ])
      perform(flow.assigned(partitions, now: now))
    case .revoked(let partitions):
      parts.log.info("revoked", ["partitions": list(partitions)])
      perform(flow.unassigned())
    case .lost(let partitions):
      parts.log.warning("partitions_lost", ["partitions": list(partitions)])
      perform(flow.unassigned())
    case .partitionError(let partition, let error):
      fail(partition, error.description, now)
    case .client(let event): tell(event)
    }
  }

  private mutating func tell(_ event: KafkaClientEvent) {
    switch event {
    case .error(let error):
      parts.log.warning("kafka_error", ["error": .string(error.description)])
    case .fatal(let error):
      parts.log.alarm("kafka_fatal", ["error": .string(error.description)])
      ending = .dead(error)
    case .log(let level, let facility, let text):
      parts.log.debug(
        "kafka_log",
        ["level": .int(level), "facility": .string(facility), "text": .string(text)])
    case .throttled(let broker, let ms):
      parts.log.warning("kafka_throttled", ["broker": .string(broker), "ms": .int(ms)])
    case .dropped(let count): parts.log.warning("kafka_events_dropped", ["events": .int(count)])
    }
  }

  private mutating func hear(_ heard: [ConsumerReport]?) {
    for report in heard ?? [.stop] {
      switch report {
      case .positions(let token, let next): perform(flow.answered(token: token, next))
      case .applied(let outcome): handle(outcome)
      case .stop: if ending == nil { ending = .stopped }
      }
    }
  }

  private mutating func handle(_ outcome: BatchApplier.Outcome) {
    switch outcome {
    case .applied: perform(flow.applied())
    case .positionLost: perform(flow.positionLost(now: .now))
    case .unavailable: perform(flow.unavailable(now: .now))
    case .corrupt: ending = .corruption
    }
  }

  private mutating func perform(_ actions: [ConsumerFlow.Action]) {
    for action in actions {
      switch action {
      case .park: consumer.park()
      case .assign(let positions): consumer.assign(positions)
      case .commit(let offsets): consumer.commit(offsets)
      case .ask(let token, let partitions):
        if parts.applier.offer(.readPositions(token: token, partitions)) != .accepted {
          flow.askRefused(now: .now)
        }
      case .handOver(var batch):
        batch.encodeAhead()
        // Two batches and some questions at most wait there: it has room.
        if parts.applier.offer(.apply(batch)) != .accepted {
          perform(flow.unavailable(now: .now))
        }
      }
    }
  }

  /// Stopping: what was gathered is applied and committed, if Postgres answers before the deadline.
  mutating func finish() {
    let deadline = MonotonicTime.after(ms: parts.settings.closeMs)
    perform(flow.finish(now: .now))
    while !flow.inFlight.isEmpty, ending == .stopped, deadline > .now {
      hear(parts.reports.inbox.take(until: deadline))
      perform(flow.finish(now: .now))
    }
    _ = consumer.poll(limit: 1, until: .now)  // hears how the commits went
    tellSlowStats()
  }

  private mutating func tellStats() {
    let flow = flow
    parts.stats.update { now in
      now.phase = flow.phaseName
      now.unapplied = flow.inFlight.reduce(flow.gathered.count) { $0 + $1.messages.count }
      now.turnAt = .now
      if !flow.hasWork { now.workSince = nil } else if now.workSince == nil { now.workSince = .now }
    }
    if slowStatsAt <= .now { tellSlowStats() }
  }

  /// What costs a round through librdkafka's own thread.
  private mutating func tellSlowStats() {
    slowStatsAt = .after(ms: Self.pollMs)
    var lag: [Int32: Int64] = [:]
    for (partition, position) in flow.positions {
      lag[partition] = consumer.lag(partition, behind: position)
    }
    let (memberId, generation) = (consumer.memberId ?? "", consumer.generation ?? -1)
    let flow = flow
    parts.stats.update { now in
      now.partitions = flow.assigned.sorted()
      now.stuck = flow.stuck
      now.lag = lag
      now.memberId = memberId
      now.generation = generation
    }
  }

  private func list(_ partitions: [Int32]) -> LogValue { .array(partitions.map { .int($0) }) }
}
