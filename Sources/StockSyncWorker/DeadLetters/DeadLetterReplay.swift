import PostgresClient
import Stock

/// Resolves dead letters, each in one transaction.
///
/// A replay applies the event to the tables as a batch would, with the same statements in the same order of locks; it
/// is not published again, for after a recovery it would be void.
struct DeadLetterReplay {
  enum Outcome: Equatable {
    /// `heldChange`: 1, -1, or 0 where the tables said so already.
    case replayed(StoredLetter, heldChange: Int64)
    case discarded(StoredLetter)
    /// Nothing was changed, and why.
    case refused(String)
  }

  let store: DeadLetterStore
  private var transaction: BatchTransaction { BatchTransaction(topic: store.topic) }

  init(_ store: DeadLetterStore) { self.store = store }

  func replay(_ partition: Int32, _ offset: Int64, _ by: DeadLetterStore.Resolver)
    throws(PostgresError) -> Outcome
  {
    var attempt = 1
    while true {
      do throws(PostgresError) {
        return try replayOnce(partition, offset, by)
      } catch {
        switch ApplyDecision.after(error, messages: 1, attempt: attempt) {
        case .again: attempt += 1
        case .bury, .bisect: return .refused("Postgres refuses its values: \(error.message)")
        case .park, .stop: throw error
        }
      }
    }
  }

  func discard(_ partition: Int32, _ offset: Int64, _ by: DeadLetterStore.Resolver)
    throws(PostgresError) -> Outcome
  {
    try store.connection.transaction { _ throws(PostgresError) in
      guard let letter = try store.lock(partition, offset) else {
        return .rollback(.refused("there is no such dead letter"))
      }
      if let refusal = Self.refusal(ofResolved: letter) { return .rollback(.refused(refusal)) }
      try store.resolve(letter, as: .discarded, by)
      return .commit(.discarded(letter))
    }
  }

  private func replayOnce(_ partition: Int32, _ offset: Int64, _ by: DeadLetterStore.Resolver)
    throws(PostgresError) -> Outcome
  {
    try store.connection.transaction { connection throws(PostgresError) in
      // As in a batch: positions, then claims, then the surplus.
      try transaction.hold(partition, on: connection)
      guard let letter = try store.lock(partition, offset) else {
        return .rollback(.refused("there is no such dead letter"))
      }
      if let refusal = Self.refusal(ofReplaying: letter) { return .rollback(.refused(refusal)) }
      let outcome = try transaction.replay(letter, on: connection)
      if let rejected = outcome.deadLetters.first {
        return .rollback(.refused("\(rejected.reason.rawValue): \(rejected.detail)"))
      }
      let event = letter.event!
      let holding = try store.holding(
        event.activity, event.slot, user: event.user, request: event.request)
      if event.kind == .claimed, !holding.reflects(event), let row = holding.row {
        return .rollback(
          .refused(
            "superseded: slot \(event.slot) is at seq \(row.seq) of \(row.user) \(row.request)"))
      }
      try store.resolve(letter, as: .replayed, by)
      try transaction.changeSurplus(outcome, of: event.activity, on: connection)
      return .commit(.replayed(letter, heldChange: outcome.heldChange))
    }
  }

  static func refusal(ofResolved letter: StoredLetter) -> String? {
    guard letter.resolution != .unresolved else { return nil }
    return "it was \(letter.resolution.rawValue) by \(letter.resolvedBy ?? "?")"
  }

  /// Why a letter is not replayed whatever the tables hold; nil where they decide.
  static func refusal(ofReplaying letter: StoredLetter) -> String? {
    if let refusal = refusal(ofResolved: letter) { return refusal }
    if letter.reason == DeadLetter.Reason.voidEpoch.rawValue {
      return "void_epoch: it came from before a recovery and was promised to nobody"
    }
    if letter.event == nil { return "malformed: \(letter.detail)" }
    return nil
  }
}

extension BatchTransaction {
  /// Judges and writes one letter's event as if it had come in a batch; the surplus is still to be changed.
  func replay(_ letter: StoredLetter, on connection: PostgresConnection) throws(PostgresError)
    -> Applied
  {
    guard
      case .message(let message) = StreamMessage.decode(
        partition: letter.partition, offset: letter.offset, key: letter.key,
        payload: letter.payload)
    else { preconditionFailure("a letter that cannot be read is not replayed") }
    let batch = Batch(start: [message.partition: message.offset], messages: [message])
    // Void it is not, whatever the partition's barrier: it came before that, and is promised.
    let known = BatchPlan.Known(
      totals: try totals(of: batch, on: connection), barrierEpochs: [:])
    let plan = BatchPlan(batch, known)
    var applied = Applied(events: 1, deadLetters: plan.deadLetters)
    _ = try apply(plan, &applied, on: connection)
    return applied
  }

  func changeSurplus(
    _ applied: Applied, of activity: ActivityID, on connection: PostgresConnection
  ) throws(PostgresError) {
    if applied.heldChange == 0 { return }
    try change([activity.value: applied.heldChange], on: connection)
  }
}
