/// Who has a slot, as Redis or Postgres says.
struct Holder: Sendable, Equatable {
  var user: String
  var request: String
  var seq: Int64
  var epoch: Int64
}

/// What Redis holds of the activity.
struct RedisEvidence: Sendable {
  var total = 0
  /// As counted in the activity's hash.
  var lockCount = 0
  var outboxCount = 0
  var locks: [Int: Holder] = [:]
  /// Slots whose release is not through yet.
  var releasing: [Int: Holder] = [:]
  /// Entries of the stream.
  var outboxLength = 0
  /// Lines that could not be understood.
  var oddities: [String] = []
}

/// What Postgres holds of it.
struct PostgresEvidence: Sendable {
  var total = 0
  var surplus = 0
  /// Rows in state `claimed`.
  var claims: [Int: Holder] = [:]
  var releasedRows = 0
  /// Without void events: those were overtaken by a recovery, and nobody was told that they are theirs.
  var deadLetters = 0
  var voidEvents = 0
}

/// The facts after the crowd went home.
struct Evidence: Sendable {
  var redis = RedisEvidence()
  var postgres = PostgresEvidence()

  /// Nothing is on its way any more: what Redis has, Postgres has.
  var isSettled: Bool {
    redis.outboxLength == 0 && redis.releasing.isEmpty && redis.locks == postgres.claims
      && postgres.surplus == postgres.total - postgres.claims.count
  }

  /// Claims and releases that users know of and Postgres does not show yet.
  func lag(_ stories: [Story]) -> Int {
    let rows = postgres.claims.byRequest
    return stories.count { story in
      let row = story.request.flatMap { rows[Owner(story.user, $0)] }
      return switch story.standing {
      case .held: row == nil
      case .released: row != nil
      case .undecided, .givingBack, .refused: false
      }
    }
  }
}
