import Log
import Stock

/// One thing in which Redis and Postgres, or one of them with itself, do not agree.
struct Difference: Equatable, Sendable {
  enum Kind: String, CaseIterable, Sendable {
    /// Held in Redis, and Postgres has no row.
    case redisOnly = "redis_only"
    /// Held in Postgres and not in Redis: Redis has lost it.
    case postgresOnly = "postgres_only"
    /// Both hold the slot, for different requests.
    case otherHolder = "other_holder"
    /// Postgres knows a later event of the slot than Redis.
    case redisOlder = "redis_older"
    /// Redis knows a later event of the slot, which Kafka has acknowledged and Postgres has not.
    case postgresOlder = "postgres_older"
    /// Being released, though its event has left the outbox: acknowledging frees both in one.
    case releasingStuck = "releasing_stuck"
    /// Its event is an unresolved dead letter: replay or discard it.
    case heldByDeadLetter = "held_by_dead_letter"
    /// Its event is a discarded dead letter: held until it is released or Redis is recovered.
    case heldByDiscardedLetter = "held_by_discarded_letter"
    /// Released in Redis, or being released; the release is an unresolved dead letter.
    case releaseIsDeadLetter = "release_is_dead_letter"
    /// Its event was rejected, for the request holds another slot: this one is to be given back.
    case requestHasOtherSlot = "request_has_other_slot"
    case lockUnreadable = "lock_unreadable"
    /// The holder's record does not know the claim.
    case lockWithoutUser = "lock_without_user"
    /// A user's record names a claim that no lock holds.
    case userWithoutLock = "user_without_lock"
    case userUnreadable = "user_unreadable"
    /// The stored number of locks or outbox entries is not what there is.
    case locksCount = "locks_count"
    case outboxCount = "outbox_count"
    case totalDiffers = "total_differs"
    /// The surplus is not the stock less the rows that are held.
    case surplusDiffers = "surplus_differs"
    case activityMissingInRedis = "activity_missing_in_redis"
    case activityUnknownToPostgres = "activity_unknown_to_postgres"
    /// The server's identity or epoch: nothing is judged.
    case fence
  }

  enum Side: String, Sendable { case redis, postgres, both }

  var kind: Kind
  /// 0: of the server.
  var activity: Int64
  var slot: Int64?
  /// Where it is seen.
  var side: Side
  /// Milliseconds since 1970: the event's time where it is known, else when a reconciliation saw it first.
  var sinceMs: Int64?
  var user = ""
  var request = ""
  var seq: Int64?
  var epoch: Int64?
  var detail = ""

  /// A single lock set again from an old read would lock a released slot again: only rebuilding Redis helps.
  var needsRecovery: Bool {
    switch kind {
    case .postgresOnly, .redisOlder, .locksCount, .outboxCount, .activityMissingInRedis, .fence:
      true
    default: false
    }
  }

  /// What a person does about it; empty where there is nothing to do, or the detail says it.
  var advice: String {
    switch kind {
    // Redis looks whole, so that no worker recovers it by itself.
    case .postgresOnly, .redisOlder: "with --repair it is fenced, and a running worker rebuilds it"
    case .heldByDeadLetter, .releaseIsDeadLetter: "replay or discard the dead letter"
    case .surplusDiffers, .otherHolder: "compare the activity's rows with its events"
    default: needsRecovery ? "a running worker recovers Redis" : ""
    }
  }

  /// For a person, now: no repair of ours sets it right.
  var isAlarm: Bool {
    switch kind {
    case .otherHolder, .lockUnreadable, .userUnreadable, .totalDiffers, .surplusDiffers: true
    default: needsRecovery
    }
  }

  /// What the activity, slot and kind are, whenever it is seen.
  struct Key: Hashable, Sendable {
    let kind: Kind
    let activity: Int64
    let slot: Int64?
    let user: String
  }

  var key: Key { Key(kind: kind, activity: activity, slot: slot, user: user) }

  var fields: [(key: String, value: LogValue)] {
    [
      ("kind", .string(kind.rawValue)), ("activity", .integer(activity)),
      ("slot", .integer(slot ?? 0)), ("side", .string(side.rawValue)),
      ("since", .string(sinceMs.map { timestamp(ms: $0) } ?? "")), ("user", .string(user)),
      ("request", .string(request)), ("seq", .integer(seq ?? 0)), ("epoch", .integer(epoch ?? 0)),
      ("detail", .string(detail)),
    ]
  }
}
