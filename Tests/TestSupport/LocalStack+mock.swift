extension LocalStack {
  /// A stack on librdkafka's mock cluster, whatever Kafka there is, with three brokers.
  public static func startOnMock(
    _ parts: [Part] = Part.allCases, partitions: Int = 4
  ) throws -> LocalStack {
    let stack = LocalStack(directory: try temporaryDirectory("stack"), isOurs: true)
    try stack.up(
      parts, partitions: partitions,
      environment: [
        "KAFKA_HOME": "", "KAFKA_BOOTSTRAP_SERVERS": "", "STACK_MOCK_BROKERS": "3",
      ])
    return stack
  }

  /// The mock cluster's brokers. Traps on a real Kafka, and on a stack that others use.
  public var mockBrokers: MockBrokers {
    precondition(isOurs && !isRealKafka, "not a mock cluster of one's own")
    return MockBrokers(stack: self)
  }
}

/// What a mock cluster's brokers, 1 to 3, do on command and real ones do not. Each call returns when it is done.
///
/// They are one process: what is in a partition is there whichever of them leads it.
public struct MockBrokers: Sendable {
  public static let ids = 1...3

  /// Requests that can be failed.
  public enum Request: String, Sendable {
    case produce, fetch, metadata, heartbeat
    case listOffsets = "list_offsets"
    case offsetCommit = "offset_commit"
    case offsetFetch = "offset_fetch"
    case findCoordinator = "find_coordinator"
    case joinGroup = "join_group"
    case leaveGroup = "leave_group"
    case syncGroup = "sync_group"
    case initProducerId = "init_producer_id"
  }

  let stack: LocalStack

  /// The broker's next `count` requests of this kind are answered with an error, by librdkafka's name for it
  /// (`NOT_LEADER_FOR_PARTITION`; `_TRANSPORT` hangs up), and have no effect.
  ///
  /// With `NO_ERROR` they have their effect, and are answered `lateMs` later: a produce whose answer comes behind the
  /// client's time limit, or not at all after `setDown`, is in the log and not acknowledged.
  public func fail(
    _ request: Request, of broker: Int, with error: String, count: Int = 1, lateMs: Int = 0
  ) throws {
    try send("errors", broker, request.rawValue, error, count, lateMs)
  }

  /// How many of those errors nobody has met yet.
  public func failuresLeft(_ request: Request, of broker: Int) throws -> Int {
    let reply = try send("left", broker, request.rawValue)
    guard let count = Int(reply) else { throw TestSupportError("not a number: \(reply)") }
    return count
  }

  /// How long each of the broker's replies takes from now on.
  public func setRoundTrip(of broker: Int, ms: Int) throws { try send("rtt", broker, ms) }

  /// Closes the broker's connections, and new ones as they come. It goes on leading what it leads.
  public func setDown(_ broker: Int) throws { try send("down", broker) }
  public func setUp(_ broker: Int) throws { try send("up", broker) }

  /// Another broker leads the partition; the old one answers that it does not.
  public func setLeader(of topic: String, partition: Int, to broker: Int) throws {
    try send("leader", topic, partition, broker)
  }

  /// Where a partition's readers are sent.
  public func setFollower(of topic: String, partition: Int, to broker: Int) throws {
    try send("follower", topic, partition, broker)
  }

  /// Who coordinates a consumer group.
  public func setCoordinator(of group: String, to broker: Int) throws {
    try send("coordinator", group, broker)
  }

  @discardableResult
  private func send(_ words: any CustomStringConvertible...) throws -> String {
    let output = try stack.command(["mock"] + words.map(\.description))
    return output.split(separator: "\n").first.map(String.init) ?? ""
  }
}
