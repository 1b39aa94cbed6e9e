internal import Protections
internal import RedisClient
internal import Stock

/// What follows from a script's reply: a value, decided without I/O.
///
/// What Redis says is an answer only under a lease that covers the epoch that the script read. Without one, a no is
/// `unavailable`, and what was done is `pending`: a recovery may be about to decide otherwise.
struct LaneOutcome {
  var answers: [(request: DrawRequest, answer: Answer)] = []
  /// The outbox entry that the call wrote: to be published.
  var entry: OutboxEntry?
  /// To be asked again at once: the script moved its counter and ran out of its bound.
  var again: [DrawRequest] = []
  /// To be asked again a little later: an earlier try of the same request is on its way to Kafka.
  var undecided: [DrawRequest] = []
  /// What a person should know, for a reply that is not as it must be.
  var complaint: String?
  /// Redis time of the script; nil when there was no reply.
  var nowMs: Int64?
  var outboxLength: Int64?
  /// Why Redis is not to be trusted, if so.
  var fence: FenceReason?

  /// `lease`: as it is after Redis has answered.
  init(_ call: LanePlan.Call, _ reply: RedisReply, lease: LeaseView) {
    guard let script = ScriptReply(reply) else {
      complaint = reply.error?.description ?? "an unexpected reply"
      refuse(call, .unavailable)
      return
    }
    nowMs = script.nowMs
    outboxLength = script.outboxLength
    fence = script.fenceReason
    let proof = Proof(script, lease)
    switch script.status {
    case .fenced: refuse(call, .fenced)
    case .late: refuse(call, .overloaded)
    case .unknownActivity: refuse(call, proof.isNoFinal ? .unknownActivity : .unavailable)
    case .done: follow(call, script, proof)
    }
  }

  private mutating func follow(_ call: LanePlan.Call, _ script: ScriptReply, _ proof: Proof) {
    let isUnderstood =
      switch call {
      case .acknowledge(_, let entries): freed(entries, proof)
      case .release(let activity, let requests): released(activity, requests, script, proof)
      case .claim(let activity, let requests): claimed(activity, requests, script, proof)
      case .look(_, let requests): looked(requests, script, proof)
      }
    if !isUnderstood {
      self = .failed(call)
      complaint = "an unexpected reply"
    }
  }

  /// Nothing of a call came back: everything in it is refused, or still pending.
  static func failed(_ call: LanePlan.Call) -> LaneOutcome {
    var outcome = LaneOutcome()
    outcome.refuse(call, .unavailable)
    return outcome
  }

  private init() {}

  private mutating func refuse(_ call: LanePlan.Call, _ refusal: Refusal) {
    switch call {
    case .acknowledge(_, let entries):
      // The entry stays in the outbox; the relay publishes and acknowledges it again.
      for release in entries.lazy.flatMap(\.releases) {
        answers.append((release.request, .pending(request: release.request.request)))
      }
    case .release(_, let requests), .claim(_, let requests), .look(_, let requests):
      answers += requests.map { ($0, .refused(refusal)) }
    }
  }

  private mutating func freed(_ entries: [Acknowledgement], _ proof: Proof) -> Bool {
    for release in entries.lazy.flatMap(\.releases) {
      answers.append(
        (release.request, proof.released(slot: release.slot, request: release.request.request)))
    }
    return true
  }

  private mutating func claimed(
    _ activity: ActivityID, _ requests: [DrawRequest], _ script: ScriptReply, _ proof: Proof
  ) -> Bool {
    guard let items = script.items(requests.count, width: 4) else { return false }
    var events: [(event: StockEvent, waiter: DrawRequest?)] = []
    for (request, item) in zip(requests, items) {
      guard let code = item.int(0).flatMap(ClaimCode.init), let slot = item.int(1),
        let seq = item.int(2), let id = item.request(3, own: request.request)
      else { return false }
      switch code {
      case .claimed:
        let event = StockEvent(
          kind: .claimed, activity: activity, slot: slot, seq: seq, epoch: proof.eventEpoch,
          user: request.user, request: id, timeMs: script.nowMs)
        events.append((event, request))
      case .repeatDecided:
        answers.append((request, proof.claimed(slot: slot, request: id)))
      case .repeatUndecided: undecided.append(request.asking(for: id))
      case .releasing: answers.append((request, .pending(request: id)))
      case .again: again.append(request)
      case .released: answers.append((request, proof.no(.released)))
      case .soldOut: answers.append((request, proof.no(.soldOut)))
      case .limitReached: answers.append((request, proof.no(.limitReached)))
      case .notOpen: answers.append((request, proof.no(.notOpen)))
      case .closed: answers.append((request, proof.no(.closed)))
      case .paused: answers.append((request, proof.no(.paused)))
      case .outboxFull: answers.append((request, .refused(.unavailable)))
      case .keyRequired: answers.append((request, proof.no(.keyRequired)))
      }
    }
    return publish(activity, events, script)
  }

  private mutating func released(
    _ activity: ActivityID, _ requests: [DrawRequest], _ script: ScriptReply, _ proof: Proof
  ) -> Bool {
    guard let items = script.items(requests.count, width: 3) else { return false }
    var events: [(event: StockEvent, waiter: DrawRequest?)] = []
    for (request, item) in zip(requests, items) {
      guard let code = item.int(0).flatMap(ReleaseCode.init), let slot = item.int(1),
        let seq = item.int(2)
      else { return false }
      switch code {
      case .releasingNow:
        let event = StockEvent(
          kind: .released, activity: activity, slot: slot, seq: seq, epoch: proof.eventEpoch,
          user: request.user, request: request.request, timeMs: script.nowMs)
        events.append((event, request))
      case .released:
        answers.append((request, proof.released(slot: slot, request: request.request)))
      case .releasing, .claimUndecided:
        answers.append((request, .pending(request: request.request)))
      case .unknownRequest: answers.append((request, proof.no(.unknownRequest)))
      case .outboxFull: answers.append((request, .refused(.unavailable)))
      }
    }
    return publish(activity, events, script)
  }

  /// The entry that the script wrote must be exactly the events that it reported, in their order.
  private mutating func publish(
    _ activity: ActivityID, _ events: [(event: StockEvent, waiter: DrawRequest?)],
    _ script: ScriptReply
  ) -> Bool {
    if events.isEmpty { return script.lastSeq == 0 }
    let isConsistent =
      events.last!.event.seq == script.lastSeq
      && events.enumerated().allSatisfy {
        $1.event.isValid && $1.event.seq == script.firstSeq + Int64($0)
      }
    guard isConsistent else { return false }
    let id = OutboxEntry.ID(activity: activity, epoch: script.epoch, lastSeq: script.lastSeq)
    entry = OutboxEntry(id, events: events)
    return true
  }

  private mutating func looked(
    _ requests: [DrawRequest], _ script: ScriptReply, _ proof: Proof
  ) -> Bool {
    let looks = requests.filter { $0.operation == .look }
    guard let view = ActivityView(script),
      let items = script.items(looks.count, width: 3, after: ActivityView.width)
    else { return false }
    for request in requests where request.operation == .describe {
      answers.append((request, proof.isNoFinal ? .described(view) : .refused(.unavailable)))
    }
    for (request, item) in zip(looks, items) {
      guard let code = item.int(0).flatMap(LookCode.init), let slot = item.int(1) else {
        return false
      }
      let answer: Answer =
        switch code {
        case .claimed: proof.claimed(slot: slot, request: request.request)
        case .undecided, .releasing: .pending(request: request.request)
        case .released: proof.released(slot: slot, request: request.request)
        case .unknownRequest: proof.no(.unknownRequest)
        }
      answers.append((request, answer))
    }
    return true
  }
}

extension ArraySlice<RedisReply> {
  fileprivate func int(_ place: Int) -> Int64? { self[startIndex + place].int }
  /// Null stands for the caller's own.
  fileprivate func request(_ place: Int, own: String) -> String? {
    let value = self[startIndex + place]
    return value == .null ? own : value.text
  }
}
