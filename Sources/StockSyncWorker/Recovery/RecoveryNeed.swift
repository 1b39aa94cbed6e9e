import Protections
import Stock
import StockRecords

// DESIGN
// Postgres is read first, then Redis, then Postgres' epoch once more. An activity that was open before Redis was read
// had been put into Redis before, so what is missing there is lost and not just being made; and a recovery
// commits its epoch before it touches Redis, so that an epoch that moved meanwhile means: look again, judge nothing.

/// Why Redis has to be rebuilt from Postgres.
enum RecoveryNeed: Equatable, Sendable {
  case fenceMissing
  case otherServer(ServerIdentity, fence: ServerIdentity)
  case epoch(redis: Int64, postgres: Int64)
  case activityMissing(ActivityID)
  case activityIncomplete(ActivityID)
  case activityOfOtherServer(ActivityID)
  case activityEpoch(ActivityID, redis: Int64, postgres: Int64)
  case locksDiffer(ActivityID, stored: Int64, counted: Int64)
  case outboxDiffers(ActivityID, stored: Int64, counted: Int64)

  /// What Postgres says.
  struct PostgresView: Equatable, Sendable {
    var epoch: Int64
    /// Whether the first fence was given out: before that there is nothing that Redis could have lost.
    var isFenceGiven: Bool
    /// Open and within retention.
    var activities: [ActivityID]
  }

  /// What Redis says, each activity as of one moment.
  struct RedisView: Equatable, Sendable {
    struct Fence: Equatable, Sendable {
      var epoch: Int64
      var fence: ServerIdentity
    }

    struct Activity: Equatable, Sendable {
      var isPreparing: Bool
      var epoch: Int64
      var fence: ServerIdentity
      var locks: Count
      var outbox: Count
    }

    /// What is stored about a key, and what the key holds.
    struct Count: Equatable, Sendable {
      var stored: Int64
      var counted: Int64
    }

    enum Presence: Equatable, Sendable {
      case missing
      /// Not listed, or a field is missing.
      case incomplete
      case whole(Activity)
    }

    var identity: ServerIdentity
    /// nil: missing or incomplete.
    var fence: Fence?
    var activities: [ActivityID: Presence]
  }

  /// The first reason, or nil.
  ///
  /// `epochAfter`: Postgres' epoch, read once more after Redis.
  static func find(_ postgres: PostgresView, _ redis: RedisView, epochAfter: Int64)
    -> RecoveryNeed?
  {
    if epochAfter != postgres.epoch || !postgres.isFenceGiven { return nil }
    guard let fence = redis.fence else { return .fenceMissing }
    if fence.fence != redis.identity { return .otherServer(redis.identity, fence: fence.fence) }
    if Protection.epochInTrigger.isOn && fence.epoch != postgres.epoch {
      return .epoch(redis: fence.epoch, postgres: postgres.epoch)
    }
    for id in postgres.activities {
      if let need = find(id, postgres, redis) { return need }
    }
    return nil
  }

  private static func find(_ id: ActivityID, _ postgres: PostgresView, _ redis: RedisView)
    -> RecoveryNeed?
  {
    let activity: RedisView.Activity
    switch redis.activities[id] ?? .missing {
    case .missing: return .activityMissing(id)
    case .incomplete: return .activityIncomplete(id)
    case .whole(let found): activity = found
    }
    if activity.fence != redis.identity { return .activityOfOtherServer(id) }
    if Protection.epochInTrigger.isOn && activity.epoch != postgres.epoch {
      return .activityEpoch(id, redis: activity.epoch, postgres: postgres.epoch)
    }
    let (locks, outbox) = (activity.locks, activity.outbox)
    if locks.stored != locks.counted {
      return .locksDiffer(id, stored: locks.stored, counted: locks.counted)
    }
    if outbox.stored != outbox.counted {
      return .outboxDiffers(id, stored: outbox.stored, counted: outbox.counted)
    }
    return nil
  }

  /// Open in Postgres, and Redis was not told: the end of an `activity create` that was interrupted. Only where nothing
  /// has to be recovered.
  static func untold(_ postgres: PostgresView, _ redis: RedisView) -> [ActivityID] {
    postgres.activities.filter { id in
      if case .whole(let found) = redis.activities[id] { found.isPreparing } else { false }
    }
  }
}

/// For people: logs and the command.
extension RecoveryNeed: CustomStringConvertible {
  var description: String {
    switch self {
    case .fenceMissing: "Redis holds no complete stock:fence: its data are lost"
    case .otherServer(let server, let fence):
      "Redis is server \(server), its data were opened on \(fence): it was restarted or replaced"
    case .epoch(let redis, let postgres): "Redis is at epoch \(redis), Postgres at \(postgres)"
    case .activityMissing(let id): "activity \(id) is open in Postgres and missing in Redis"
    case .activityIncomplete(let id): "activity \(id) is incomplete in Redis"
    case .activityOfOtherServer(let id): "activity \(id) was opened on another Redis server"
    case .activityEpoch(let id, let redis, let postgres):
      "activity \(id) is at epoch \(redis) in Redis, at \(postgres) in Postgres"
    case .locksDiffer(let id, let stored, let counted):
      "activity \(id) has \(counted) locks in Redis where \(stored) are noted"
    case .outboxDiffers(let id, let stored, let counted):
      "activity \(id) has \(counted) outbox entries in Redis where \(stored) are noted"
    }
  }
}
