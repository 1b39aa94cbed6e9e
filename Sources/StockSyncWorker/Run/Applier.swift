import Log
import PostgresClient
import Stock
import Threads

#if TEST_SWITCHES
  import TestHolds
#endif

/// What the applier is asked to do.
enum ApplierTask: Sendable {
  case apply(Batch)
  /// A later question replaces an earlier one that has no answer yet.
  case readPositions(token: Int, [Int32])
}

/// What the consumer hears.
enum ConsumerReport: Sendable {
  case applied(BatchApplier.Outcome)
  case positions(token: Int, [Int32: Int64])
  /// Finish what was gathered and leave.
  case stop
}

/// The thread that owns the Postgres connection of the apply path.
///
/// Values alone: the connection is made inside `run`, on its thread.
struct Applier: Sendable {
  let settings: PostgresSettings
  let topic: String
  let inbox: Inbox<ApplierTask>
  let reports: Inbox<ConsumerReport>
  let stats: WorkerStats
  let log: Log

  /// Works until its inbox is closed and empty.
  ///
  /// What is handed over behind a batch that failed builds on it, so it is dropped: the consumer, once it hears of the
  /// failure, asks for the positions.
  func run() {
    let session = PostgresSession(settings)
    defer { session.close() }
    let applier = BatchApplier(transaction: transaction)
    var question: (token: Int, partitions: [Int32])?
    var isAway = false
    var hasFailed = false
    while true {
      let deadline = question == nil ? nil : session.retryAt ?? .now
      guard let tasks = inbox.take(limit: 1, until: deadline) else { return }
      switch tasks.first {
      case .apply(let batch)?:
        if !hasFailed { hasFailed = !apply(batch, applier, session, &isAway) }
      case .readPositions(let token, let partitions)?:
        question = (token, partitions)
        hasFailed = false
      case nil: break
      }
      if let asked = question, session.isDue, answer(asked, session, &isAway) { question = nil }
    }
  }

  private var transaction: BatchTransaction {
    #if TEST_SWITCHES
      var transaction = BatchTransaction(topic: topic)
      transaction.hold = { [log] in TestHold.reach($0, log) }
      return transaction
    #else
      return BatchTransaction(topic: topic)
    #endif
  }

  /// True when it was applied.
  private func apply(
    _ batch: Batch, _ applier: BatchApplier, _ session: PostgresSession, _ isAway: inout Bool
  ) -> Bool {
    let started = MonotonicTime.now
    let outcome = applier.apply(batch, on: session) { applied in
      #if TEST_SWITCHES
        TestHold.reach("committed", log)
      #endif
      for letter in applied.deadLetters { tell(letter) }
      if applied.givenBack > 0 {
        log.info("rejected_claims_given_back", ["claims": .int(applied.givenBack)])
      }
      stats.count {
        $0.events += applied.events
        $0.heldChange += applied.heldChange
        $0.deadLetters += applied.deadLetters.count
      }
      stats.update { if $0.workSince != nil { $0.workSince = .now } }
    }
    let tookUs = MonotonicTime.now.microseconds(since: started)
    switch outcome {
    case .applied:
      let nowMs = wallClockMs()
      stats.count {
        $0.batches += 1
        $0.batchSize.add(Int64(batch.messages.count))
        $0.applyMicroseconds.add(tookUs)
        for place in batch.messages.indices {
          $0.delayMs.add(nowMs - (batch.messages[place].timeMs ?? nowMs))
        }
      }
    case .positionLost:
      stats.count { $0.positionsLost += 1 }
      log.warning("position_lost", ["partitions": list(batch.partitions)])
    case .unavailable(let error):
      session.failed(error)
      away(error, &isAway)
    case .corrupt(let error):
      log.alarm(
        "corruption",
        [
          "error": .string(error.description), "constraint": .string(error.constraint),
          "partitions": list(batch.partitions),
          "action": "stopped; compare the activity's claims with its surplus before starting again",
        ])
    }
    report(.applied(outcome))
    if case .applied = outcome { return true }
    return false
  }

  /// True when it was answered.
  private func answer(
    _ question: (token: Int, partitions: [Int32]), _ session: PostgresSession, _ isAway: inout Bool
  ) -> Bool {
    do throws(PostgresError) {
      let next = try Positions(topic: topic).read(
        question.partitions, on: try session.connection())
      // That positions can be read does not mean that a batch can be applied.
      session.answered()
      if isAway { log.info("postgres_back", ["connections": .int(session.connectionsMade)]) }
      isAway = false
      report(.positions(token: question.token, next))
      return true
    } catch {
      session.failed(error)
      away(error, &isAway)
      return false
    }
  }

  /// Said once per outage; what needs a person is an alarm.
  private func away(_ error: PostgresError, _ isAway: inout Bool) {
    if isAway { return }
    isAway = true
    stats.count { $0.outages += 1 }
    let fields: Log.Fields = [
      "error": .string(error.description), "outcomeUnknown": .bool(error.outcomeUnknown),
    ]
    if error.kind == .configuration {
      log.alarm("postgres_refuses", fields)
    } else {
      log.warning("postgres_away", fields)
    }
  }

  private func tell(_ letter: DeadLetter) {
    let fields: Log.Fields = [
      "reason": .string(letter.reason.rawValue), "detail": .string(letter.detail),
      "partition": .int(letter.message.partition), "offset": .int(letter.message.offset),
    ]
    if letter.reason.isAlarm {
      log.alarm("dead_letter", fields)
    } else {
      log.warning("dead_letter", fields)
    }
  }

  /// The consumer owes at most two batches and one question: its inbox has room, unless it is gone.
  private func report(_ report: ConsumerReport) { _ = reports.offer(report) }

  private func list(_ partitions: [Int32]) -> LogValue { .array(partitions.map { .int($0) }) }
}

extension StreamMessage {
  /// Redis time of its event.
  var timeMs: Int64? {
    if case .event(let event) = content { event.timeMs } else { nil }
  }
}
