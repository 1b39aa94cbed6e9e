/// What the rules ask for, each by what is said when it does not hold.
enum Rule: String, CaseIterable, Sendable {
  // A
  case moreHeldThanStock = "more held than there is"
  case heldBeyondStock = "a slot beyond the stock is held"
  case toldBeyondStock = "a slot beyond the stock was told"
  case twoToldOneSlot = "two were told one slot"
  case twoHoldersInTopic = "two holders in the topic"

  // B
  case wrongReply = "a reply that the API does not have"
  case claimedNotInTopic = "claimed, and not in the topic"
  case claimedAnew = "claimed anew"
  case releasedNotInTopic = "released, and not in the topic"
  case releasedUnasked = "released unasked"
  case claimedAfterRelease = "claimed after its release"
  case refusedAfterRelease = "refused after its release"
  case refusedWhileHolding = "refused while holding"
  case refusedUnnamed = "refused without a key while holding"
  case releasedAndHeld = "released, and held in the end"
  case claimedAndNotHeld = "claimed, and not held in the end"
  case refusedAndHeld = "refused, and held in the end"
  case stranger = "held by a request that nobody made"
  case neverDecided = "never told how it ended"

  // C
  case toldTwoSlots = "told two slots"
  case recordedTwice = "recorded twice in Redis"
  case twoSlotsHeld = "two slots of one request"
  case claimedTwiceInTopic = "claimed twice in the topic"
  case aboveLimitHeld = "more held than the limit"
  case aboveLimitTold = "more told than the limit"
  case aboveLimitInTopic = "more in the topic than the limit"

  // D
  case claimRow = "a row of claim"
  case releasedRow = "a remembered release"
  case offsetBeyondTopic = "an offset beyond the topic"
  case barrierEpoch = "a barrier epoch"
  case activityMissing = "an activity is not in Postgres"
  case stockInPostgres = "the stock in Postgres"
  case limitInPostgres = "the limit in Postgres"
  case surplus = "the surplus"
  case deadLetter = "a dead letter"
  case deadLetterUnplanted = "a dead letter that nobody planted"
  case deadLetterOfGood = "a dead letter of what can be applied"

  // E
  case lag = "lag"
  case unreadableInRedis = "unreadable in Redis"
  case notListed = "not listed in Redis"
  case stockInRedis = "the stock in Redis"
  case limitInRedis = "the limit in Redis"
  case stateInRedis = "the state in Redis"
  case stateInPostgres = "the state in Postgres"
  case outbox = "the outbox is not empty"
  case outboxCount = "the count of the outbox"
  case lockCount = "the count of locks"
  case stillReleasing = "still releasing"
  case noSlotAmongFree = "no slot among the free"
  case epochInRedis = "the epoch in Redis"
  case fenced = "fenced"
  case recordWithoutLock = "a user's record without its lock"
  case lockWithoutRecord = "a lock without its user's record"
  case storesDiffer = "Redis and Postgres differ"
  case freePlusHeld = "free + held is not total"
  case notHeld = "not held in the end"
  case neverTold = "held, and never told"
  case notConfirmed = "held, and not told again at the end"

  // F
  case epochFell = "the epoch in Postgres fell"
  case offsetFell = "an offset in Postgres fell"
  case barrierFell = "a barrier in Postgres fell"
  case seqWentOnFromOlder = "seq in Redis went on from an older one"
  case seqBelowTopic = "seq in Redis is below the topic's"
  case slotInTwoPartitions = "a slot in two partitions"
  case outOfOrder = "out of order in the topic"
  case seqOfTwoEvents = "one seq of two events"
  case seqNotAboveEpoch = "seq did not go on in a new epoch"
  case epochUnannounced = "an epoch that nobody announced"
  case epochAbovePostgres = "an epoch above Postgres'"

  // G
  case neverBack = "never back"
  case backTooLate = "back too late"

  // H
  case resident = "resident memory in KB"
  case descriptors = "open descriptors"
  case threads = "threads"

  var invariant: Invariant {
    switch self {
    case .moreHeldThanStock, .heldBeyondStock, .toldBeyondStock, .twoToldOneSlot,
      .twoHoldersInTopic:
      .a
    case .wrongReply, .claimedNotInTopic, .claimedAnew, .releasedNotInTopic, .releasedUnasked,
      .claimedAfterRelease, .refusedAfterRelease, .refusedWhileHolding, .refusedUnnamed,
      .releasedAndHeld, .claimedAndNotHeld, .refusedAndHeld, .stranger, .neverDecided:
      .b
    case .toldTwoSlots, .recordedTwice, .twoSlotsHeld, .claimedTwiceInTopic, .aboveLimitHeld,
      .aboveLimitTold, .aboveLimitInTopic:
      .c
    case .claimRow, .releasedRow, .offsetBeyondTopic, .barrierEpoch, .activityMissing,
      .stockInPostgres, .limitInPostgres, .surplus, .deadLetter, .deadLetterUnplanted,
      .deadLetterOfGood:
      .d
    case .lag, .unreadableInRedis, .notListed, .stockInRedis, .limitInRedis, .stateInRedis,
      .stateInPostgres, .outbox, .outboxCount, .lockCount, .stillReleasing, .noSlotAmongFree,
      .epochInRedis, .fenced, .recordWithoutLock, .lockWithoutRecord, .storesDiffer, .freePlusHeld,
      .notHeld, .neverTold, .notConfirmed:
      .e
    case .epochFell, .offsetFell, .barrierFell, .seqWentOnFromOlder, .seqBelowTopic,
      .slotInTwoPartitions, .outOfOrder, .seqOfTwoEvents, .seqNotAboveEpoch, .epochUnannounced,
      .epochAbovePostgres:
      .f
    case .neverBack, .backTooLate:
      .g
    case .resident, .descriptors, .threads:
      .h
    }
  }
}
