import KafkaClient
import Stock
public import Threads

extension ControlLink {
  /// Writes a heartbeat, reads past it, and gives the highest epoch ever read; nil: there is none.
  ///
  /// So nothing is missed that was acknowledged before this call. A heartbeat that failed is written again until
  /// `deadline`; then, or when trying again can't help, the failure is thrown. What comes for the caller meanwhile, the
  /// next `poll` gives.
  ///
  /// `breathe` is called every `breatheMs` or so meanwhile, on this thread; an error of its own ends the call.
  public func readToEnd(
    until deadline: MonotonicTime, breatheMs: Int = 100, _ breathe: () throws -> Void = {}
  ) throws -> Int64? {
    defer { ownHeartbeat = nil }
    var failure = KafkaError(
      code: "_TIMED_OUT", message: "\(topic) was not read to its end in time", isRetriable: true)
    while true {
      switch ownHeartbeat?.result {
      case .acknowledged(_, let offset):
        if position > offset { return highestEpoch }
      case .failed(let error):
        if !error.isRetriable { throw error }
        failure = error
        ownHeartbeat = nil
      case nil: break
      }
      if deadline <= .now { throw failure }
      if ownHeartbeat == nil { try sendOwnHeartbeat() }
      held.add(collect())
      awaitArrival(until: min(deadline, .after(ms: min(retryMs, breatheMs))))
      held.add(collect())
      try breathe()
    }
  }

  /// A full queue is tried again later.
  private func sendOwnHeartbeat() throws(KafkaError) {
    let ticket = ControlTicket(number: nil, position: position)
    let record = ControlRecord.heartbeat(instance: instance, timeMs: wallClockMs())
    switch send(record, ticket) {
    case .queued: ownHeartbeat = (ticket, nil)
    case .queueFull: break
    case .failed(let error): if !error.isRetriable { throw error }
    }
  }
}

private let retryMs = 100
