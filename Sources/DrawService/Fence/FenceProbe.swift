internal import RedisClient
internal import Stock
internal import StockRecords

/// One look at the server's own fence, at each activity's and at the head of its outbox: commands, and what their
/// replies say.
struct FenceProbe {
  /// Activities of one pipeline, at most.
  static let activityLimit = 64

  let activities: [ActivityID]

  /// What the probes found.
  struct Result {
    /// nil: trusted.
    var server: FenceReason?
    var activities: [(activity: ActivityID, reason: FenceReason)] = []
    /// Trusted activities with an outbox, and the time of its first entry; 0 where that can't be read.
    var waiting: [(activity: ActivityID, sinceMs: Int64)] = []
    /// Redis time.
    var nowMs: Int64 = 0
  }

  /// The server's look, then two commands for each activity.
  func commands(_ scripts: StockScripts, epochSeen: Int64) -> [RedisCommand] {
    var commands = [scripts.lookAtServer(epochSeen: epochSeen)]
    for activity in activities {
      commands.append(scripts.look(activity, [], epochSeen: epochSeen))
      commands.append(RedisCommand("XRANGE", RedisKeys(activity).outbox, "-", "+", "COUNT", "1"))
    }
    return commands
  }

  /// Adds what the replies to `commands` say. A reply that is none of a script's, an error say, is no reason to trust.
  func add(_ replies: [RedisReply], to result: inout Result) {
    let server = ScriptReply(replies[0])
    result.nowMs = server?.nowMs ?? result.nowMs
    result.server = Self.reason(server)
    for (place, activity) in activities.enumerated() {
      let (look, head) = (replies[1 + 2 * place], replies[2 + 2 * place])
      if let reason = Self.reason(ScriptReply(look)) {
        result.activities.append((activity, reason))
      } else if let entry = head.elements?.first {
        result.waiting.append((activity, (try? OutboxRecord(entry, of: activity).timeMs) ?? 0))
      }
    }
  }

  private static func reason(_ reply: ScriptReply?) -> FenceReason? {
    guard let reply else { return .nothingKnown }
    return reply.fenceReason
  }
}
