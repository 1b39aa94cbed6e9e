internal import Threads

/// The requests of a turn that may be carried out, and the permits that were taken for them.
struct Admission {
  private(set) var admitted: [DrawRequest] = []
  /// One for each admitted request that may end in an event; what is not used must be given back.
  private(set) var taken = 0

  /// Refuses what has waited past the deadline, claims and releases without a lease (their events might be void), and
  /// those that the producer has no room for.
  init(
    _ requests: [DrawRequest], deadlineMs: Int, permits: Permits, lease: LeaseView,
    now: MonotonicTime, _ batch: inout ReplyBatch
  ) {
    admitted.reserveCapacity(requests.count)
    for request in requests {
      if request.arrived.adding(ms: deadlineMs) <= now {
        batch.add(request, .refused(.overloaded))
      } else if request.needsPermit && !lease.isValid {
        batch.add(request, .refused(.unavailable))
      } else {
        admitted.append(request)
      }
    }
    let wanted = admitted.count { $0.needsPermit }
    taken = permits.take(upTo: wanted)
    if taken < wanted { refuseBeyondPermits(&batch) }
  }

  private mutating func refuseBeyondPermits(_ batch: inout ReplyBatch) {
    var left = taken
    admitted.removeAll { request in
      guard request.needsPermit else { return false }
      left -= 1
      if left >= 0 { return false }
      batch.add(request, .refused(.overloaded))
      return true
    }
  }
}

extension DrawRequest {
  /// Whether it may end in an event.
  fileprivate var needsPermit: Bool {
    switch operation {
    case .claim, .release: true
    case .look, .describe: false
    }
  }
}
