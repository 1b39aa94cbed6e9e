import Foundation

extension LocalStack {
  /// Starts a second Redis that replicates the first, and waits until it has everything. Ends with the stack.
  public func startRedisReplica() throws -> RedisReplica {
    precondition(isOurs, "a stack that others use gets no replica")
    try command(["up", "replica"])
    return try RedisReplica(port: Int(setting("STACK_REPLICA_PORT"))!, primary: redisPort)
  }
}

/// A replica of the stack's Redis, whose replication a test holds still and that takes over without what it missed.
///
/// The replication goes through a proxy: what is written while that holds is not known to the replica and never
/// will be, for a promotion ends the connection. `pid` of neither server changes, and the old primary goes on serving.
public final class RedisReplica: Sendable {
  public let port: Int
  private let primary: Int
  private let link: RedirectingProxy

  init(port: Int, primary: Int) throws {
    (self.port, self.primary) = (port, primary)
    link = try RedirectingProxy(to: primary)
    try redis("replicaof", "127.0.0.1", "\(link.port)")
    try awaitInSync()
  }

  /// From now on the replica gets nothing of what is written. It notices after 60 s (`repl-timeout`).
  public func holdReplication() { link.hold() }

  /// What was held arrives, late.
  public func resumeReplication() { link.pass() }

  /// Waits until the replica has all that is written now.
  public func awaitInSync(within seconds: Double = 30) throws {
    let isInSync = try eventually(within: seconds) {
      try redis("info", "replication").contains("master_link_status:up") && lagBytes() == 0
    }
    guard isInSync else { throw TestSupportError("the replica lags by \(try lagBytes()) bytes") }
  }

  /// Bytes of the primary's replication stream that the replica has not.
  public func lagBytes() throws -> Int {
    try offset(port: primary, "master_repl_offset") - offset(port: port, "slave_repl_offset")
  }

  /// Makes it a primary with what it has; gives the bytes of the stream that it misses. The old primary is told nothing.
  @discardableResult
  public func promote() throws -> Int {
    let missing = try lagBytes()
    try redis("replicaof", "no", "one")
    link.end()
    return missing
  }

  /// `redis-cli` with these words: its answer; throws an error reply.
  @discardableResult
  public func redis(_ words: String...) throws -> String { try redisCLI(port: port, words) }

  private func offset(port: Int, _ name: String) throws -> Int {
    let lines = try redisCLI(port: port, ["info", "replication"]).split(whereSeparator: \.isNewline)
    guard let line = lines.first(where: { $0.hasPrefix(name + ":") }),
      let value = Int(line.dropFirst(name.count + 1))
    else { throw TestSupportError("no \(name): \(lines)") }
    return value
  }
}
