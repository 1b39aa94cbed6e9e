import Foundation

public struct Round: Codable, Sendable {
  public struct Activity: Codable, Sendable {
    public var id, stock, limit: Int
    public var untilHeld: Bool
    public init(id: Int, stock: Int, limit: Int, untilHeld: Bool) {
      self.id = id
      self.stock = stock
      self.limit = limit
      self.untilHeld = untilHeld
    }
  }
  public struct Injury: Codable, Sendable {
    public var name: String
    public var startUs, healedUs: Int64
    public var back: String
    public var backWithinMs: Int
    public var evidence: String
    public var isShown: Bool
    public init(
      name: String, startUs: Int64, healedUs: Int64, back: String, backWithinMs: Int,
      evidence: String, isShown: Bool
    ) {
      self.name = name
      self.startUs = startUs
      self.healedUs = healedUs
      self.back = back
      self.backWithinMs = backWithinMs
      self.evidence = evidence
      self.isShown = isShown
    }
  }
  public struct Bounds: Codable, Sendable {
    public var rssKB, descriptors, threads: Int
    public init(rssKB: Int, descriptors: Int, threads: Int) {
      self.rssKB = rssKB
      self.descriptors = descriptors
      self.threads = threads
    }
  }
  public struct Planted: Codable, Sendable {
    public var partition, offset: Int
    public var reason: String
    public init(partition: Int, offset: Int, reason: String) {
      self.partition = partition
      self.offset = offset
      self.reason = reason
    }
  }
  public var row: Int
  public var fault: String
  public var seed: UInt64
  public init(
    row: Int, fault: String, seed: UInt64, activities: [Activity], partitions: Int,
    claimDeadlineMs: Int, toldFromUs: Int64, injuries: [Injury], bounds: [String: Bounds],
    planted: [Planted], allows: [String]
  ) {
    self.row = row
    self.fault = fault
    self.seed = seed
  }
}
public struct Violation: Codable, Sendable { public var description: String { "" } }
public struct Verdict: Codable, Sendable {
  public let violations: [Violation]
  public let problems: [String]
  public let backMs: [Int?]
  public let counts: [String: Int]
}
public struct Places: Sendable {
  public init(
    redisPort: Int, redisDatabase: Int, postgres: String, kafka: String, topic: String,
    controlTopic: String, activities: [Int]
  ) {}
}
public func collect(into folder: String, from places: Places) throws {}
public func check(_ folder: String) throws -> Verdict {
  Verdict(violations: [], problems: [], backMs: [], counts: [:])
}
