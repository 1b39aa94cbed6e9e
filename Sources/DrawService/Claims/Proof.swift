internal import Protections

/// What a script's reply is worth: whether the lease covers the epoch that the script read.
struct Proof {
  /// What an event of this call carries, for ever.
  let eventEpoch: Int64
  private let isCovered: Bool

  /// `lease`: as it is after the reply.
  init(_ script: ScriptReply, _ lease: LeaseView) {
    eventEpoch = Protection.eventCarriesScriptEpoch.isOn ? script.epoch : lease.highestEpoch
    isCovered = lease.covers(script.epoch)
  }

  /// Whether a no, or a description, may be told.
  var isNoFinal: Bool { isCovered || !Protection.noUnderLease.isOn }

  func no(_ refusal: Refusal) -> Answer { .refused(isNoFinal ? refusal : .unavailable) }

  /// For a claim whose event is no longer in the outbox.
  func claimed(slot: Int64, request: String) -> Answer {
    isCovered || !Protection.lookUnderLease.isOn
      ? .claimed(slot: slot, request: request, isReplay: true) : .pending(request: request)
  }

  /// For a slot that was given back.
  func released(slot: Int64, request: String) -> Answer {
    isNoFinal ? .released(slot: slot, request: request) : .pending(request: request)
  }
}
