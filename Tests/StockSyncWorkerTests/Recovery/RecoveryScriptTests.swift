import RedisClient
import Stock
import StockRecords
import TestSupport
import Testing

@testable import StockSyncWorker

/// inspect.lua, swap.lua and fence.lua, and what stages for them, on a real Redis.
@Suite struct RecoveryScriptTests {
  private let endpoint: RedisEndpoint
  private let redis: RecoveryRedis
  private let id = ActivityID(7)!
  private let terms = RebuildTerms(total: 100, limit: 2, opensMs: 10, closesMs: 20)

  init() throws {
    let stack = try LocalStack.shared([.redis])
    endpoint = RedisEndpoint(
      socket: stack.redisSocket, database: try stack.freshRedisDatabase())
    redis = try RecoveryRedis(endpoint)
  }

  @discardableResult
  private func send(_ words: String...) throws -> RedisReply {
    var command = RedisCommand(words[0])
    for word in words.dropFirst() { command.append(word) }
    let reply = try redis.connection.pipeline([command])[0]
    if let error = reply.error { throw error }
    return reply
  }

  /// Everything that the database holds.
  private func dump() throws -> [String: RedisReply] {
    var dump: [String: RedisReply] = [:]
    for key in try send("KEYS", "*").elements!.compactMap(\.text) {
      dump[key] = try send("DUMP", key)
    }
    return dump
  }

  private func texts(_ words: String...) throws -> [String] {
    var command = RedisCommand(words[0])
    for word in words.dropFirst() { command.append(word) }
    return try redis.connection.pipeline([command])[0].elements!.compactMap(\.text)
  }

  private func fields(_ key: String) throws -> [String: String] {
    let texts = try texts("HGETALL", key)
    return Dictionary(
      uniqueKeysWithValues: stride(from: 0, to: texts.count, by: 2).map {
        (texts[$0], texts[$0 + 1])
      })
  }

  /// What a lost Redis may have been: an older activity with a lock, a user, a hint and an outbox.
  private func leftover(epoch: Int64 = 1, fence: String = "old:id") throws {
    try send("HSET", "stock:fence", "epoch", "\(epoch)", "fence", fence)
    try send("SADD", "stock:activities", "7")
    try send("HSET", "stock:{7}", "epoch", "\(epoch)", "state", "open", "locks", "1", "paused", "x")
    try send("HSET", "stock:{7}:locks", "1", "old r 1 1")
    try send("HSET", "stock:{7}:users", "old", "1")
    try send("RPUSH", "stock:{7}:free", "9")
    try send("XADD", "stock:{7}:outbox", "1-0", "f", "1")
  }

  private let rows = [
    RebuildRow(kind: .claimed, user: "ann", request: "a", slot: 3, seq: 8, epoch: 1),
    RebuildRow(kind: .released, user: "bob", request: "b", slot: 4, seq: 9, epoch: 1),
  ]

  private func stage(_ rows: [RebuildRow], epoch: Int64, on other: RecoveryRedis? = nil) throws
    -> StagedActivity
  {
    let keys = StagedKeys.fresh(id, epoch: epoch)
    var staging = Staging(other ?? redis, keys)
    try staging.begin(epoch: epoch)
    var rebuild = Rebuild(total: terms.total, letters: [])
    try staging.add(rebuild.add(rows))
    try staging.add(rebuild.finish())
    try staging.flush()
    return StagedActivity(keys: keys, epoch: epoch, terms: terms, totals: rebuild.totals)
  }

  @Test func aSwapReplacesEverythingAndOpens() throws {
    try leftover()
    let staged = try stage(rows, epoch: 2)
    #expect(try redis.swap(staged) == RedisAnswer(word: "swapped", detail: ""))
    #expect(
      try fields("stock:{7}") == [
        "total": "100", "limit": "2", "opens": "10", "closes": "20", "seq": "9", "used": "4",
        "state": "open", "epoch": "2", "fence": redis.identity.description, "locks": "1",
        "outbox": "0",
      ])
    #expect(try fields("stock:{7}:locks") == ["3": "ann a 8 1"])
    #expect(try fields("stock:{7}:users") == ["ann": "3", "bob": "b:4:9:r"])
    #expect(try texts("LRANGE", "stock:{7}:free", "0", "-1") == ["4"])
    let keys = Set(try dump().keys)
    #expect(
      keys == [
        "stock:fence", "stock:activities", "stock:{7}", "stock:{7}:locks", "stock:{7}:users",
        "stock:{7}:free",
      ])
    // The same once more finds nothing staged, and its own epoch.
    #expect(try redis.swap(staged).word == "not_staged")
  }

  /// No locks yet, none released: none of the staged keys exists.
  @Test func anEmptyActivityIsSwappedIntoAnEmptyServer() throws {
    #expect(try redis.swap(stage([], epoch: 2)).word == "swapped")
    #expect(Set(try dump().keys) == ["stock:activities", "stock:{7}"])
    #expect(try fields("stock:{7}")["seq"] == "0")
  }

  @Test func aRefusedSwapChangesNothing() throws {
    try leftover(epoch: 3)
    func refused(_ word: String, _ staged: StagedActivity) throws {
      let before = try dump()
      #expect(try redis.swap(staged).word == word)
      #expect(try dump() == before, "\(word)")
    }
    try refused("epoch", try stage(rows, epoch: 3))
    try refused("epoch", try stage(rows, epoch: 2))
    try send("HSET", "stock:{7}", "epoch", "1")
    try refused("epoch", try stage(rows, epoch: 3))  // of the fence
    let staged = try stage(rows, epoch: 4)
    for (name, command) in [
      ("locks", ["HSET", staged.keys.locks, "50", "x"]),
      ("users", ["HDEL", staged.keys.users, "ann"]), ("free", ["RPUSH", staged.keys.free, "9"]),
    ] {
      _ = try redis.connection.pipeline([
        command.dropFirst().reduce(into: RedisCommand(command[0])) { $0.append($1) }
      ])
      let before = try dump()
      #expect(try redis.swap(staged) == RedisAnswer(word: "staged_count", detail: name))
      #expect(try dump() == before)
      if name == "locks" { try send("HDEL", staged.keys.locks, "50") }
      if name == "users" { try send("HSET", staged.keys.users, "ann", "3") }
      if name == "free" { try send("RPOP", staged.keys.free) }
    }
    try send("UNLINK", staged.keys.meta)
    try refused("not_staged", staged)
    #expect(try redis.swap(stage(rows, epoch: 4)).word == "swapped")
  }

  /// A flush in the middle takes the token with it, on a server that is still the same.
  @Test func whatWasFlushedIsNotSwapped() throws {
    let staged = try stage(rows, epoch: 2)
    try send("FLUSHDB")
    #expect(try redis.swap(staged).word == "not_staged")
    #expect(try dump().isEmpty)
  }

  @Test func anotherServersSwapAndFenceAreRefused() throws {
    let staged = try stage(rows, epoch: 2)
    let before = try dump()
    let swap = RedisCommand.script(
      RecoveryRedis.swap, keys: staged.keys.forSwap,
      arguments: [
        "7", staged.keys.token, "2", "other:id", "1", "2", "1", "100", "2", "10", "20", "9", "4",
        "1", "1",
      ])
    let fence = RedisCommand.script(
      RecoveryRedis.fence, keys: [RedisKeys.fence, RedisKeys.activities],
      arguments: ["2", "other:id", "1"])
    for reply in try redis.connection.pipeline([swap, fence]) {
      #expect(
        reply.elements?.compactMap(\.text) == ["other_server", redis.identity.description])
    }
    #expect(try dump() == before)
  }

  /// What a dead recovery left is removed by the next; an old one that wakes up removes nothing of a newer one.
  @Test func stagedKeysAreRemovedByANewerRecoveryAlone() throws {
    let old = try stage(rows, epoch: 2)
    let new = try stage(rows, epoch: 3)
    #expect(try texts("SMEMBERS", "stock:{7}:staged") == [new.keys.token])
    #expect(!(try dump().keys.contains { $0.contains(old.keys.token) }))
    let zombie = try stage(rows, epoch: 2, on: RecoveryRedis(endpoint))
    #expect(Set(try texts("SMEMBERS", "stock:{7}:staged")) == [new.keys.token, zombie.keys.token])
    #expect(try redis.swap(new).word == "swapped")
    #expect(try redis.swap(zombie).word == "epoch")
  }

  @Test func theFenceOpensTheServerAndRemovesWhatIsNotOpen() throws {
    try leftover()
    #expect(try redis.swap(stage(rows, epoch: 2)).word == "swapped")
    try send("SADD", "stock:activities", "8", "strange")
    try send("HSET", "stock:{8}", "state", "preparing", "epoch", "1")
    try send("SADD", "stock:{8}:staged", "1-a")
    for key in ["locks", "users", "staged:1-a:locks", "staged:1-a:meta"] {
      try send("HSET", "stock:{8}:\(key)", "a", "b")
    }
    #expect(try redis.openFence(epoch: 2, [id]) == RedisAnswer(word: "opened", detail: "2"))
    #expect(
      try fields("stock:fence") == ["epoch": "2", "fence": redis.identity.description])
    #expect(try texts("SMEMBERS", "stock:activities") == ["7"])
    #expect(!(try dump().keys.contains { $0.hasPrefix("stock:{8}") }))
    let before = try dump()
    #expect(try redis.openFence(epoch: 2, [id]) == RedisAnswer(word: "epoch", detail: "2"))
    #expect(try redis.openFence(epoch: 1, []).word == "epoch")
    #expect(try dump() == before)
  }

  /// An activity that a flush took after its swap would be an unknown one under a valid fence.
  @Test func theFenceStaysShutWhenASwappedActivityIsGone() throws {
    #expect(try redis.swap(stage(rows, epoch: 2)).word == "swapped")
    #expect(try redis.openFence(epoch: 3, [id]).word == "missing")
    try send("SREM", "stock:activities", "7")
    #expect(try redis.openFence(epoch: 2, [id]) == RedisAnswer(word: "missing", detail: "7"))
    try send("FLUSHDB")
    #expect(try redis.openFence(epoch: 2, [id]).word == "missing")
    #expect(try dump().isEmpty)
    #expect(try redis.openFence(epoch: 2, []).word == "opened")
  }

  @Test func aViewTellsWhatIsThere() throws {
    #expect(
      try redis.view(of: [id])
        == RecoveryNeed.RedisView(
          identity: redis.identity, fence: nil, activities: [id: .missing]))
    #expect(try redis.highestEpoch(ignored: unexpected) == 0)
    try leftover(epoch: 5)
    let view = try redis.view(of: [id])
    #expect(view.fence?.epoch == 5 && view.activities[id] == .incomplete)
    #expect(try redis.highestEpoch(ignored: unexpected) == 5)
    #expect(try redis.swap(stage(rows, epoch: 9)).word == "swapped")
    #expect(try redis.highestEpoch(ignored: unexpected) == 9)
    guard case .whole(let activity) = try redis.view(of: [id]).activities[id] else {
      Issue.record("it is not whole")
      return
    }
    #expect(activity.epoch == 9 && activity.fence == redis.identity && !activity.isPreparing)
    #expect(activity.locks == RecoveryNeed.RedisView.Count(stored: 1, counted: 1))
    try send("HDEL", "stock:{7}:locks", "3")
    guard case .whole(let rolled) = try redis.view(of: [id]).activities[id] else { return }
    #expect(rolled.locks == RecoveryNeed.RedisView.Count(stored: 1, counted: 0))
  }

  private func unexpected(_ place: String, _ text: String) {
    Issue.record("\(text) of \(place) is ignored")
  }

  /// Nobody but a fault writes it, and still it must not stop a recovery, or spread.
  @Test(arguments: ["9007199254740991", "9223372036854775807", "1e300", "-1", "0", "x"])
  func whatCannotBeAnEpochIsNone(_ text: String) throws {
    try leftover(epoch: 5)
    try send("SADD", "stock:activities", "8")
    try send("HSET", "stock:{8}", "epoch", text)
    try send("HSET", "stock:fence", "epoch", text)
    var ignored: [String] = []
    #expect(try redis.highestEpoch { ignored.append("\($0) \($1)") } == 5)
    #expect(ignored == ["stock:fence \(text)", "stock:{8} \(text)"])
    try send("HSET", "stock:{7}", "epoch", text)
    #expect(try redis.swap(stage(rows, epoch: 6)).word == "swapped")
    #expect(try redis.openFence(epoch: 6, [id]).word == "opened")
    #expect(try redis.highestEpoch(ignored: unexpected) == 6)
  }

  /// Redis' ids are 64 bits without a sign.
  @Test(arguments: ["9223372036854775806", "9223372036854775807", "18446744073709551615"])
  func anOutboxIsReadUpToTheHighestSeq(_ seq: String) throws {
    try send("XADD", "stock:{7}:outbox", "3-0", "f", "3")
    try send("XADD", "stock:{7}:outbox", "\(seq)-0", "f", "x")
    let entries = try redis.outbox(id, above: 0, limit: 10)
    #expect(entries.map(RecoveryRun.lastSeq) == [3, RecoveryRun.highestSeq])
    #expect(try redis.outbox(id, above: RecoveryRun.highestSeq, limit: 10).count <= 1)
  }

  /// A broken connection is never made anew behind the recovery's back: what comes back may be another server.
  @Test func aConnectionThatBrokeStaysBroken() throws {
    let other = try RecoveryRedis(endpoint)
    let staged = try stage(rows, epoch: 2, on: other)
    let clientID = try other.connection.pipeline([RedisCommand("CLIENT", "ID")])[0].int!
    try send("CLIENT", "KILL", "ID", "\(clientID)")
    #expect(throws: RedisError.self) { try other.swap(staged) }
    #expect(throws: RedisError.self) { try other.swap(staged) }
    #expect(!(try dump().keys.contains("stock:{7}")))
  }

  /// More than a command and a pipeline hold.
  @Test func manyRowsAreStagedInPieces() throws {
    let many = (1...30_000).map { number in
      RebuildRow(
        kind: number.isMultiple(of: 3) ? .released : .claimed, user: "user-\(number)",
        request: "request-\(number)", slot: Int64(number), seq: Int64(number), epoch: 1)
    }
    let staged = try stage(many, epoch: 2)
    #expect(try redis.swap(staged).word == "swapped")
    #expect(try send("HLEN", "stock:{7}:locks").int == 20_000)
    #expect(try send("HLEN", "stock:{7}:users").int == 30_000)
    #expect(try send("LLEN", "stock:{7}:free").int == 10_000)
  }
}
