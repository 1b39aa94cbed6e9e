import Protections
import RedisClient
import Stock
import StockRecords

/// The names of what one recovery has staged for one activity.
struct StagedKeys: Equatable, Sendable {
  let activity: ActivityID
  let token: String

  /// Set: tokens of the rebuilds that have staged something, so that what a dead recovery left can be removed.
  var tokens: String { Self.tokens(activity) }
  /// Hash: token. Its absence says that what was staged is lost.
  var meta: String { "\(tokens):\(token):meta" }
  var locks: String { "\(tokens):\(token):locks" }
  var users: String { "\(tokens):\(token):users" }
  var free: String { "\(tokens):\(token):free" }

  static func tokens(_ activity: ActivityID) -> String { "\(RedisKeys(activity).stock):staged" }

  /// In the order in which swap.lua takes them.
  var forSwap: [String] { RedisKeys(activity).all + [tokens, meta, locks, users, free] }

  /// `<epoch>-<random>`: nobody else's, also not this recovery's own at another try.
  static func fresh(_ activity: ActivityID, epoch: Int64) -> StagedKeys {
    let random = Protection.rebuildToken.isOn ? UInt64.random(in: 0...UInt64.max) : 0
    return StagedKeys(activity: activity, token: "\(epoch)-\(String(random, radix: 36))")
  }
}

/// What is staged, and has to be found so by the swap.
struct StagedActivity: Equatable, Sendable {
  let keys: StagedKeys
  let epoch: Int64
  let terms: RebuildTerms
  let totals: Rebuild.Totals
}

/// Writes staged keys in commands and pipelines of bounded size.
struct Staging {
  private static let fieldLimit = 1_000
  private static let commandBytes = 256 << 10
  private static let pipelineBytes = 1 << 20

  let redis: RecoveryRedis
  let keys: StagedKeys
  private var commands: [RedisCommand] = []
  private var bytes = 0

  init(_ redis: RecoveryRedis, _ keys: StagedKeys) {
    self.redis = redis
    self.keys = keys
  }

  /// Removes what recoveries of this epoch or a lower one have left, and announces this one.
  mutating func begin(epoch: Int64) throws {
    let reply = try redis.connection.pipeline([RedisCommand("SMEMBERS", keys.tokens)])[0]
    if let error = reply.error { throw error }
    for token in (reply.elements ?? []).compactMap(\.text) {
      // A higher one is somebody's who is ahead of us.
      if let other = Int64(token.prefix { $0 != "-" }), other > epoch { continue }
      let old = StagedKeys(activity: keys.activity, token: token)
      try append(RedisCommand("UNLINK", old.meta, old.locks, old.users, old.free))
      try append(RedisCommand("SREM", keys.tokens, token))
    }
    try append(RedisCommand("SADD", keys.tokens, keys.token))
    try append(RedisCommand("HSET", keys.meta, "token", keys.token))
  }

  mutating func add(_ chunk: Rebuild.Chunk) throws {
    try write("HSET", keys.locks, chunk.locks) { command, entry in
      command.append(entry.slot)
      command.append(entry.lock.text)
    }
    try write("HSET", keys.users, chunk.users) { command, entry in
      command.append(entry.user)
      command.append(entry.claims.map(\.text).joined(separator: ","))
    }
    try write("RPUSH", keys.free, chunk.free) { command, slot in command.append(slot) }
  }

  /// Sends what is left.
  mutating func flush() throws {
    if commands.isEmpty { return }
    for case .error(let error) in try redis.connection.pipeline(commands) { throw error }
    commands.removeAll(keepingCapacity: true)
    bytes = 0
  }

  private mutating func write<Entry>(
    _ name: String, _ key: String, _ entries: [Entry],
    _ append: (inout RedisCommand, Entry) -> Void
  ) throws {
    var command = RedisCommand(name, key)
    var fields = 0
    for entry in entries {
      append(&command, entry)
      fields += 1
      if fields == Self.fieldLimit || command.byteCount >= Self.commandBytes {
        try self.append(command)
        command = RedisCommand(name, key)
        fields = 0
      }
    }
    if fields > 0 { try self.append(command) }
  }

  private mutating func append(_ command: RedisCommand) throws {
    commands.append(command)
    bytes += command.byteCount
    if bytes >= Self.pipelineBytes { try flush() }
  }
}
