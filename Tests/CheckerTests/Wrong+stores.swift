@testable import Checker

/// Wrong contents of Redis and Postgres.
let wrongStores: [Wrong] = [
  Wrong(
    "a slot too many",
    [.moreHeldThanStock, .heldBeyondStock, .deadLetter, .deadLetterUnplanted, .claimRow]
  ) { $0.claim("zoe", "z1", 6, answer: "unknown") },
  Wrong(
    "a request with two locks",
    [
      .twoSlotsHeld, .aboveLimitHeld, .storesDiffer, .claimedAndNotHeld, .lockWithoutRecord,
      .recordWithoutLock, .neverTold,
    ]
  ) { $0.locks[2] = "ann a1 2 1" },
  Wrong(
    "a user with two locks",
    [
      .stranger, .aboveLimitHeld, .storesDiffer, .claimedAndNotHeld, .lockWithoutRecord,
      .recordWithoutLock, .neverTold,
    ]
  ) { $0.locks[2] = "ann a2 2 1" },
  Wrong("a request that is recorded twice", [.recordedTwice]) { $0.users["ann"]! += ",1" },
  Wrong("a row of an older event", [.claimRow, .storesDiffer]) { $0.rows[1]!.seq -= 1 },
  Wrong("a row that is missing", [.claimRow, .storesDiffer, .claimedAndNotHeld, .surplus]) {
    $0.rows[1] = nil
  },
  Wrong("a release that was forgotten", [.releasedRow]) { $0.releases = [] },
  Wrong("an offset beyond the topic", [.offsetBeyondTopic]) { $0.positions[0]!.next += 1 },
  Wrong("a barrier that was passed unseen", [.barrierEpoch]) { $0.positions[0]!.barrier = 1 },
  Wrong(
    "no activity",
    [
      .activityMissing, .claimRow, .releasedRow, .deadLetter, .deadLetterUnplanted,
      .stateInPostgres,
    ]
  ) {
    $0.changed["postgres/activity.csv"] = "id,stock_total,stock_surplus,per_user_limit,state\n"
  },
  Wrong("another stock in Postgres", [.stockInPostgres, .freePlusHeld]) {
    ($0.total, $0.surplus) = (6, 1)
  },
  Wrong("another limit in Postgres", [.limitInPostgres]) { $0.limit = 2 },
  Wrong("a wrong surplus", [.surplus, .freePlusHeld]) { $0.surplus = 1 },
  Wrong("a lag", [.lag]) { $0.positions[1]!.next -= 1 },
  Wrong("a position that is missing", [.lag, .claimRow, .releasedRow]) { $0.positions[1] = nil },
  Wrong("a record that cannot be read", [.unreadableInRedis]) { $0.users["odd"] = "x" },
  Wrong("a lock that cannot be read", [.unreadableInRedis]) { $0.locks[9] = "odd" },
  Wrong("not listed", [.notListed]) { $0.listed = [] },
  Wrong("another stock in Redis", [.stockInRedis]) { $0.stock["total"] = "6" },
  Wrong("another limit in Redis", [.limitInRedis]) { $0.stock["limit"] = "2" },
  Wrong("closed in Redis", [.stateInRedis]) { $0.stock["state"] = "closed" },
  Wrong("not opened in Postgres", [.stateInPostgres]) { $0.state = "preparing" },
  Wrong("an entry in the outbox", [.outbox]) { ($0.outbox, $0.stock["outbox"]) = (1, "1") },
  Wrong("a wrong count of the outbox", [.outboxCount]) { $0.stock["outbox"] = "1" },
  Wrong("a wrong count of locks", [.lockCount]) { $0.stock["locks"] = "4" },
  Wrong("a lock that is still releasing", [.stillReleasing]) { $0.locks[1]! += " r" },
  Wrong("no slot among the free ones", [.noSlotAmongFree]) { $0.free = ["0"] },
  Wrong("an old epoch of the fence", [.epochInRedis]) { $0.fence["epoch"] = "1" },
  Wrong("an old epoch of the activity", [.epochInRedis]) { $0.stock["epoch"] = "1" },
  Wrong("another server's activity", [.fenced]) { $0.stock["fence"] = "other" },
  Wrong("no fence", [.fenced]) { ($0.fence["fence"], $0.stock["fence"]) = (nil, nil) },
  Wrong("a record without its lock", [.recordWithoutLock]) { $0.users["zoe"] = "6" },
  Wrong("a released record that is locked", [.lockWithoutRecord]) { $0.users["ann"] = "a1:1:1:r" },
  Wrong("a lock of another seq", [.storesDiffer]) { $0.locks[1] = "ann a1 2 1" },
  Wrong("a slot that nobody holds", [.notHeld]) { $0.release("ann", "a1", 1) },
]
