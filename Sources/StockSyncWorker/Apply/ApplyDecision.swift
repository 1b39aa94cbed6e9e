import PostgresClient

/// What to do after a batch's transaction failed.
enum ApplyDecision: Equatable {
  /// The same once more, at once: lost against another transaction.
  case again
  /// Halve it and look for the message that Postgres cannot store.
  case bisect
  /// It is this one message.
  case bury
  /// Not now: drop the batch, ask for the position, begin from there.
  case park
  /// The tables contradict each other: stop and call a person.
  case stop

  /// Tries of one batch against other transactions before it is parked.
  static let attemptLimit = 4

  /// `attempt` counts from 1.
  static func after(_ error: PostgresError, messages: Int, attempt: Int) -> ApplyDecision {
    switch error.kind {
    case .corruption: return .stop
    case .data:
      // A unique key taken meanwhile in another partition: once more, and it is a visible reject.
      if error.sqlState == "23505" && attempt == 1 { return .again }
      return messages > 1 ? .bisect : .bury
    case .configuration: return .park
    case .retry:
      let lostRace = ["40001", "40P01"].contains(error.sqlState)
      return lostRace && !error.outcomeUnknown && attempt < attemptLimit ? .again : .park
    }
  }
}
