import RedisClient
import Stock
import StockRecords
import TestSupport
import Testing

@testable import ScriptModel
@testable import StockSyncWorker

/// The model of the worker's scripts against the scripts on a real Redis, staged and called by the worker's own code:
/// random preheats, openings, rebuilds and fences, what is lost in between, and everything compared after each.
@Suite struct ServerModelTests {
  private static let steps = 3_000

  @Test func theModelDoesWhatTheScriptsDo() throws {
    let seed = UInt64.random(in: 0..<1_000_000)
    print("server trial: seed \(seed)")
    let trial = try ServerTrial(seed: seed)
    for _ in 0..<Self.steps { try trial.step() }
    let words = Set(trial.met.keys)
    #expect(
      words.isSuperset(of: [
        "preheat created", "preheat identical", "preheat different", "preheat fence_absent",
        "preheat fence_server", "preheat fence_epoch", "open opened", "open already", "open absent",
        "open fence_absent", "open fence_server", "open fence_epoch", "swap swapped",
        "swap not_staged", "swap staged_count", "swap epoch", "fence opened",
        "fence epoch", "fence missing",
      ]), "\(trial.met)")
  }
}

private final class ServerTrial {
  private static let count = 2

  private var random: Seeded
  private let connection: RedisConnection
  private let stock: RedisStock
  private let recovery: RecoveryRedis
  private var model: ServerModel
  private(set) var met: [String: Int] = [:]

  init(seed: UInt64) throws {
    random = Seeded(seed)
    let stack = try LocalStack.shared([.redis])
    let endpoint = RedisEndpoint(
      socket: stack.redisSocket, database: try stack.freshRedisDatabase(),
      commandTimeoutMs: 30_000)
    connection = try RedisConnection(endpoint)
    _ = try connection.pipeline([RedisCommand("FLUSHDB")])
    stock = try RedisStock(endpoint)
    recovery = try RecoveryRedis(endpoint)
    model = ServerModel(identity: recovery.identity.description, activities: Self.count)
  }

  private func below(_ limit: Int) -> Int { Int.random(in: 0..<limit, using: &random) }

  func step() throws {
    let activity = 1 + below(Self.count)
    switch below(20) {
    case 0...3: try preheat(activity)
    case 4, 5: try open(activity)
    case 6...12: try rebuild(activity)
    case 13...16: try fence()
    case 17: try tamper(activity)
    case 18 where below(3) == 0: try flush()
    default: try write(activity)
    }
    try compare()
  }

  private func note(_ what: String, _ found: RedisAnswer, _ wanted: ServerAnswer) {
    met["\(what) \(wanted.word)", default: 0] += 1
    #expect(found.word == wanted.word && found.detail == wanted.detail, "\(what)")
  }

  private var epoch: Int64 { max(1, (model.epoch ?? 1) + Int64(below(4)) - 1) }

  private func preheat(_ activity: Int) throws {
    let terms = StockTerms(
      total: below(6) == 0 ? 9 : 5, limit: below(8) == 0 ? 2 : 1, opensMs: 7, closesMs: 9_000)
    let row = ActivityRow(
      id: Int64(activity), name: "test", total: terms.total, surplus: terms.total,
      limit: terms.limit, opensMs: terms.opensMs, closesMs: terms.closesMs, state: "preparing")
    let (epoch, mayBootstrap) = (epoch, below(3) == 0)
    note(
      "preheat", try stock.preheat(row, epoch: epoch, mayBootstrap: mayBootstrap),
      model.preheat(activity, terms, epoch: epoch, mayBootstrap: mayBootstrap))
  }

  private func open(_ activity: Int) throws {
    let epoch = epoch
    note(
      "open", try stock.open(ActivityID(Int64(activity))!, epoch: epoch),
      model.open(activity, epoch: epoch))
  }

  /// Stages and swaps; what was staged may be lost or more than it should be.
  private func rebuild(_ activity: Int) throws {
    let epoch = epoch
    let keys = StagedKeys.fresh(ActivityID(Int64(activity))!, epoch: epoch)
    var staging = Staging(recovery, keys)
    try staging.begin(epoch: epoch)
    var staged = StagedModel(activity: activity, token: keys.token)
    var chunk = Rebuild.Chunk()
    for slot in Int64(1)...5 where below(2) == 0 {
      let lock = LockRecord(user: "u\(slot)", request: "r\(slot)", seq: slot, epoch: 1)
      chunk.locks.append((slot, lock))
      staged.locks[slot] = ScriptModel.Lock(
        user: lock.user, request: lock.request, seq: slot, epoch: 1)
      chunk.users.append((lock.user, [.held(slot: slot)]))
      staged.users[lock.user] = [.init(request: lock.request, slot: slot, seq: slot)]
    }
    for slot in Int64(1)...5 where staged.locks[slot] == nil && below(2) == 0 {
      chunk.free.append(slot)
      staged.free.append(String(slot))
    }
    try staging.add(chunk)
    try staging.flush()
    var totals = Rebuild.Totals(
      locks: Int64(chunk.locks.count), users: Int64(chunk.users.count),
      free: Int64(chunk.free.count), seq: 5, used: 5)
    model.staged.removeAll { $0.activity == activity }
    model.staged.append(staged)
    switch below(8) {
    case 0: totals.locks += 1
    case 1: totals.users += 1
    case 2: totals.free += 1
    case 3:
      _ = try connection.pipeline([RedisCommand("DEL", keys.meta)])
      model.staged.removeAll { $0.activity == activity }
    default: break
    }
    let terms = RebuildTerms(total: 5, limit: 1, opensMs: 7, closesMs: 9_000)
    let call = ServerModel.SwapCall(
      activity: activity, token: keys.token, epoch: epoch,
      identity: model.identity, locks: Int(totals.locks),
      users: Int(totals.users), free: Int(totals.free),
      terms: StockTerms(total: 5, limit: 1, opensMs: 7, closesMs: 9_000), seq: 5, used: 5,
      compares: true, clears: true)
    note(
      "swap",
      try recovery.swap(
        StagedActivity(keys: keys, epoch: epoch, terms: terms, totals: totals)),
      model.swap(call))
  }

  private func fence() throws {
    let epoch = epoch
    let activities = (1...Self.count).filter { _ in below(4) > 0 }
    note(
      "fence",
      try recovery.openFence(
        epoch: epoch, activities.map { ActivityID(Int64($0))! }),
      model.openFence(
        epoch: epoch, identity: model.identity, compares: true,
        activities: activities))
  }

  /// As if the data were another server's, or the rest of a file.
  private func tamper(_ activity: Int) throws {
    let stockKey = RedisKeys(ActivityID(Int64(activity))!).stock
    if below(2) == 0, model.epoch != nil {
      let fence = below(2) == 0 ? "another:server" : model.identity
      _ = try connection.pipeline([RedisCommand("HSET", RedisKeys.fence, "fence", fence)])
      model.fence = fence
    } else if model.stocks[activity - 1] != nil {
      let fence = below(2) == 0 ? "another:server" : model.identity
      _ = try connection.pipeline([RedisCommand("HSET", stockKey, "fence", fence)])
      model.stocks[activity - 1]!.fence = fence
    }
  }

  private func flush() throws {
    _ = try connection.pipeline([RedisCommand("FLUSHDB")])
    model.flush()
  }

  /// An entry in the outbox.
  private func write(_ activity: Int) throws {
    guard let seq = model.stocks[activity - 1]?.seq else { return }
    let keys = RedisKeys(ActivityID(Int64(activity))!)
    let replies = try connection.pipeline([
      RedisCommand(
        "XADD", keys.outbox, "\(seq + 1)-0", "f", "\(seq + 1)", "k", "c", "e", "1", "t", "1", "d",
        "1 u r"),
      RedisCommand("HSET", keys.stock, "seq", "\(seq + 1)", "outbox", "\(outbox(activity) + 1)"),
    ])
    for case .error(let error) in replies { throw error }
    model.stocks[activity - 1]!.seq += 1
    model.stocks[activity - 1]!.outboxCount += 1
    model.stocks[activity - 1]!.outbox.append(
      ScriptModel.Entry(
        firstSeq: seq + 1, isRelease: false, epoch: 1, timeMs: 1,
        events: [.init(slot: 1, user: "u", request: "r")]))
  }

  private func outbox(_ activity: Int) -> Int { model.stocks[activity - 1]!.outbox.count }

  // MARK: Everything that is held

  private func compare() throws {
    let fence = try pairs(RedisCommand("HGETALL", RedisKeys.fence))
    var wanted: [String: String] = [:]
    if let epoch = model.epoch { wanted["epoch"] = String(epoch) }
    if let text = model.fence { wanted["fence"] = text }
    #expect(fence == wanted)
    for activity in 1...Self.count { try compare(activity) }
  }

  private func compare(_ activity: Int) throws {
    let keys = RedisKeys(ActivityID(Int64(activity))!)
    let found = try pairs(RedisCommand("HGETALL", keys.stock))
    let listed = try connection.pipeline([
      RedisCommand("SISMEMBER", RedisKeys.activities, "\(activity)"),
      RedisCommand("XLEN", keys.outbox), RedisCommand("LRANGE", keys.free, "0", "-1"),
    ])
    let locks = try pairs(RedisCommand("HGETALL", keys.locks))
    let users = try pairs(RedisCommand("HGETALL", keys.users))
    guard let stock = model.stocks[activity - 1] else {
      #expect(found.isEmpty && locks.isEmpty && users.isEmpty && listed[0].int == 0)
      return
    }
    #expect(listed[0].int == 1)
    #expect(
      found == [
        "total": "\(stock.total)", "used": stock.used ?? "", "seq": "\(stock.seq)",
        "opens": "\(stock.opensMs)", "closes": "\(stock.closesMs)", "limit": "\(stock.limit)",
        "state": stock.state, "epoch": "\(stock.epoch)", "fence": stock.fence,
        "locks": "\(stock.lockCount)", "outbox": "\(stock.outboxCount)",
      ])
    #expect(listed[1].int == Int64(stock.outbox.count))
    #expect(listed[2].elements?.compactMap(\.text) == stock.free)
    let wanted = stock.locks.map { slot, lock in
      ("\(slot)", "\(lock.user) \(lock.request) \(lock.seq) \(lock.epoch)")
    }
    #expect(locks == Dictionary(uniqueKeysWithValues: wanted))
    #expect(
      users
        == stock.users.mapValues { claims in
          claims.map { "\($0.slot)" }.joined(separator: ",")
        })
  }

  private func pairs(_ command: RedisCommand) throws -> [String: String] {
    let texts = try connection.pipeline([command])[0].elements?.compactMap(\.text) ?? []
    return Dictionary(
      uniqueKeysWithValues: stride(from: 0, to: texts.count, by: 2).map {
        (texts[$0], texts[$0 + 1])
      })
  }
}
