import Foundation

/// What a round was, as the harness says: `round.json` of its folder. Times are microseconds on the monotonic clock.
public struct Round: Codable, Sendable {
  /// An activity whose every slot is checked. Its dump is in `redis/ID.*.json`.
  public struct Activity: Codable, Sendable {
    public var id, stock: Int
    /// Claims that a user may hold.
    public var limit: Int
    /// In the end every slot must be held, by somebody who was told so.
    public var untilHeld: Bool
    public init(id: Int, stock: Int, limit: Int, untilHeld: Bool) {
      self.id = id
      self.stock = stock
      self.limit = limit
      self.untilHeld = untilHeld
    }
  }

  /// One thing that was broken.
  public struct Injury: Codable, Sendable {
    public var name: String
    public var startUs: Int64
    /// When it was mended; 0: it mends itself, and `startUs` counts.
    public var healedUs: Int64
    /// What has to come back: `draws`, `worker`, or `none` where nothing was to be interrupted.
    public var back: String
    public var backWithinMs: Int
    /// What shows that it really happened.
    public var evidence: String
    public var isShown: Bool
    /// DrawServices of which each has to come back, by their numbers in `told.jsonl`. None: any will do.
    public var services: [Int]
    /// Partitions of which each has to be applied again. None: any will do.
    public var partitions: [Int]
    public init(
      name: String, startUs: Int64, healedUs: Int64, back: String, backWithinMs: Int,
      evidence: String, isShown: Bool, services: [Int] = [], partitions: [Int] = []
    ) {
      self.name = name
      self.startUs = startUs
      self.healedUs = healedUs
      self.back = back
      self.backWithinMs = backWithinMs
      self.evidence = evidence
      self.isShown = isShown
      self.services = services
      self.partitions = partitions
    }
  }

  /// The most that a process may use.
  public struct Bounds: Codable, Sendable {
    public var rssKB, descriptors, threads: Int
    public init(rssKB: Int, descriptors: Int, threads: Int) {
      self.rssKB = rssKB
      self.descriptors = descriptors
      self.threads = threads
    }
  }

  /// A message that the harness put into the topic to be dead-lettered, for this reason.
  public struct Planted: Codable, Sendable {
    public var partition, offset: Int
    public var reason: String
    public init(partition: Int, offset: Int, reason: String) {
      self.partition = partition
      self.offset = offset
      self.reason = reason
    }
  }

  /// In the table of faults.
  public var row: Int
  public var fault: String
  public var seed: UInt64
  public var activities: [Activity]
  public var partitions: Int
  /// Setting `claim.deadline-ms` of the round: a call older than that claims nothing any more.
  public var claimDeadlineMs: Int
  /// What the times in `told.jsonl` count from.
  public var toldFromUs: Int64
  public var injuries: [Injury]
  /// By the process's kind: what its name has before the dash.
  public var bounds: [String: Bounds]
  public var planted: [Planted]
  /// `offsetsFallBack`: offsets and barriers in Postgres may go down during the round. `otherClients`: others than the crowd
  /// may hold slots.
  public var allows: [String]

  public init(
    row: Int, fault: String, seed: UInt64, activities: [Activity], partitions: Int,
    claimDeadlineMs: Int, toldFromUs: Int64, injuries: [Injury], bounds: [String: Bounds],
    planted: [Planted], allows: [String]
  ) {
    self.row = row
    self.fault = fault
    self.seed = seed
    self.activities = activities
    self.partitions = partitions
    self.claimDeadlineMs = claimDeadlineMs
    self.toldFromUs = toldFromUs
    self.injuries = injuries
    self.bounds = bounds
    self.planted = planted
    self.allows = allows
  }
}
