internal import Protections
internal import Stock

/// What the client of an event is told when the event's delivery report is there: a value, decided without I/O.
enum Settlement: Sendable, Equatable {
  case claimed
  /// Not decided: the relay publishes again, or a recovery decides.
  case pending
  /// A release is answered when its slot is freed.
  case waits

  /// `lease`: as it is after the report. An event of an epoch that is no longer the highest may come behind a recovery's
  /// barrier, and be void.
  init(_ kind: StockEvent.Kind, epoch: Int64, isAcknowledged: Bool, lease: LeaseView) {
    let isInKafka = isAcknowledged || !Protection.replyAfterAcknowledgement.isOn
    switch kind {
    case .claimed: self = isInKafka && lease.covers(epoch) ? .claimed : .pending
    case .released: self = isInKafka ? .waits : .pending
    }
  }
}
