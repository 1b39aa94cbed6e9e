public import RedisClient

/// Which server this is and whose data it has: what an epoch is fenced to.
///
/// `run_id` changes with each start, `master_replid` with each promotion. The scripts read the same with INFO and
/// join it in the same way.
public struct ServerIdentity: Hashable, Sendable, CustomStringConvertible {
  public let description: String

  /// The command whose reply `init(_:)` takes.
  public static let command = RedisCommand("INFO", "server", "replication")

  /// nil when it is no reply of INFO.
  public init?(_ reply: RedisReply) {
    guard let text = reply.text else { return nil }
    var fields: [Substring: Substring] = [:]
    for line in text.split(whereSeparator: \.isNewline) {
      let parts = line.split(separator: ":", maxSplits: 1)
      if parts.count == 2 { fields[parts[0]] = parts[1] }
    }
    guard let run = fields["run_id"], let replication = fields["master_replid"] else { return nil }
    description = "\(run):\(replication)"
  }

  /// As it stands in a fence.
  public init(text: String) { description = text }
}
