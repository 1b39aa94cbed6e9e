internal import Log
internal import Threads

/// What an instance did since the last stats line, added up by all threads, a batch at a time.
final class Meters: Sendable {
  struct Values: Sendable {
    var outcomes: [String: Int] = [:]
    /// From the request's arrival to its answer, for claims that were accepted, microseconds.
    var claimedUs = Histogram()
    /// The same for everything else.
    var otherUs = Histogram()
    /// Requests in a lane's turn.
    var turnRequests = Histogram()
    var redisUs = Histogram()
    var turns = 0
    var scriptCalls = 0
    var outboxLengthMax: Int64 = 0
    var outboxAgeMsMax: Int64 = 0
    var relayed = 0
    var failures: [String: Int] = [:]
  }

  private let values = Lock(Values())
  private let acceptFailures = Lock(0)

  func takeValues() -> Values {
    values.withLock { values in
      defer { values = Values() }
      return values
    }
  }

  func count(_ answers: [(request: DrawRequest, answer: Answer)]) {
    let now = MonotonicTime.now
    // Most answers of a batch are of one kind.
    var run: (name: String, count: Int) = ("", 0)
    values.withLock { values in
      for (request, answer) in answers {
        let name = answer.outcomeName
        if name != run.name {
          if run.count > 0 { values.outcomes[run.name, default: 0] += run.count }
          run = (name, 0)
        }
        run.count += 1
        let us = now.microseconds(since: request.arrived)
        if case .claimed(_, _, isReplay: false) = answer {
          values.claimedUs.add(us)
        } else {
          values.otherUs.add(us)
        }
      }
      if run.count > 0 { values.outcomes[run.name, default: 0] += run.count }
    }
  }

  /// How many of those since the start are new since the last call.
  func newAcceptFailures(of total: Int) -> Int {
    acceptFailures.withLock { told in
      defer { told = total }
      return total - told
    }
  }

  func countInvalid() { values.withLock { $0.outcomes["invalid", default: 0] += 1 } }

  func countTurn(requests: Int, calls: Int, redisUs: Int64, outboxLength: Int64?) {
    values.withLock { values in
      values.turns += 1
      values.scriptCalls += calls
      values.turnRequests.add(Int64(requests))
      values.redisUs.add(redisUs)
      values.outboxLengthMax = max(values.outboxLengthMax, outboxLength ?? 0)
    }
  }

  func countRelayed(_ events: Int) { values.withLock { $0.relayed += events } }

  func noteOutboxAge(ms: Int64) {
    values.withLock { $0.outboxAgeMsMax = max($0.outboxAgeMsMax, ms) }
  }

  func countRedisFailure(_ kind: String) {
    values.withLock { $0.failures["redis_\(kind)", default: 0] += 1 }
  }

  func countPublishFailure(_ reason: String) {
    values.withLock { $0.failures["publish: \(reason)", default: 0] += 1 }
  }
}

extension Answer {
  /// The name in stats.
  fileprivate var outcomeName: String {
    switch self {
    case .claimed(_, _, let isReplay): isReplay ? "replayed" : "claimed"
    case .pending: "pending"
    case .released: "released"
    case .described: "described"
    case .refused(let refusal): refusal.code
    }
  }
}
