/// What the run came to: the table for people and, the same, for machines.
struct Report: Codable, Sendable {
  struct Line: Codable, Sendable {
    let promise: Int
    let title: String
    let isKept: Bool
    /// False: this run did not put it to the test.
    let isChecked: Bool
    let count: Int
    /// The first offenders.
    let findings: [String]
  }

  var activity = 0
  var seed: UInt64 = 0
  var stock = 0
  var users = 0
  var draws = 0
  var asked = 0
  var claimed = 0
  var replayed = 0
  var released = 0
  var refused: [String: Int] = [:]
  var pending = 0
  var later: [String: Int] = [:]
  var unknown: [String: Int] = [:]
  var undecided = 0
  var held = 0
  var distinctSlots = 0
  /// Of those held, how many were told the same slot once more at the end; nil when nobody asked.
  var confirmed: Int?
  var duplicates = 0
  var redisLocks: Int?
  var postgresClaims: Int?
  var surplus: Int?
  var outbox: Int?
  /// Without void events, which are there to be kept.
  var deadLetters: Int?
  var voidEvents: Int?
  /// Claims and releases that users know of and Postgres does not show.
  var lag: Int?
  /// From the last answer until Postgres showed everything.
  var caughtUpMs: Int?
  var accepted = Percentiles([])
  var decided = Percentiles([])
  var claimsPerSecond = 0.0
  var durationS = 0.0
  /// When it began, on the monotonic clock: what times in the record count from.
  var startedUs: Int64 = 0
  /// Why the run is not complete; nil when it is.
  var unfinished: String?
  var promises: [Line] = []

  /// 0 kept, 1 broken, 3 could not finish.
  var exitStatus: Int32 {
    if promises.contains(where: { !$0.isKept }) { return 1 }
    return unfinished == nil ? 0 : 3
  }
}

extension Report {
  init(_ options: Options, _ tally: Tally, _ stories: [Story], total: Int) {
    (activity, seed, stock) = (options.activity, options.habits.seed, total)
    users = Set(stories.map(\.user)).count
    draws = stories.count
    (asked, claimed, replayed) = (tally.asked, tally.claimed, tally.replayed)
    (released, refused, pending) = (tally.released, tally.refused, tally.pending)
    (later, unknown) = (tally.later, tally.unknown)
    accepted = Percentiles(tally.latenciesUs)
    decided = Percentiles(tally.decidedUs)
    (claimsPerSecond, durationS) = (tally.claimsPerSecond, tally.durationS)
    count(stories)
  }

  private mutating func count(_ stories: [Story]) {
    var owners: [Int: Owner] = [:]
    for story in stories {
      switch story.standing {
      case .held(let slot):
        held += 1
        let owner = Owner(story.user, story.request ?? "")
        if let other = owners[slot], other != owner { duplicates += 1 }
        owners[slot] = owner
      case .undecided, .givingBack: undecided += 1
      case .released, .refused: break
      }
    }
    distinctSlots = owners.count
  }

  mutating func add(_ evidence: Evidence, _ stories: [Story]) {
    redisLocks = evidence.redis.locks.count
    postgresClaims = evidence.postgres.claims.count
    surplus = evidence.postgres.surplus
    outbox = evidence.redis.outboxLength
    deadLetters = evidence.postgres.deadLetters
    voidEvents = evidence.postgres.voidEvents
    lag = evidence.lag(stories)
  }

  mutating func judge(_ findings: [Finding], _ rules: Rules, hasEvidence: Bool) {
    promises = Promise.allCases.map { promise in
      let texts = findings.filter { $0.promise == promise.rawValue }.map(\.text)
      let isChecked =
        switch promise {
        case .neverUndersold: rules.untilHeld
        case .claimedStays, .appliedOnce: hasEvidence
        default: true
        }
      return Line(
        promise: promise.rawValue, title: promise.title, isKept: texts.isEmpty,
        isChecked: isChecked, count: texts.count, findings: Array(texts.prefix(5)))
    }
  }
}
