import RedisClient

@testable import ScriptModel

/// Everything that Redis holds about an activity, as text, to be compared.
struct StockState: Equatable {
  var fence: [String: String] = [:]
  var isListed = false
  var stock: [String: String] = [:]
  var locks: [String: String] = [:]
  var users: [String: String] = [:]
  var free: [String] = []
  var outbox: [[String]] = []

  /// The commands whose replies `init(replies:)` takes.
  static func commands(_ keys: [String], _ activity: String) -> [RedisCommand] {
    [
      RedisCommand("HGETALL", keys[0]), RedisCommand("SISMEMBER", keys[1], activity),
      RedisCommand("HGETALL", keys[2]), RedisCommand("HGETALL", keys[3]),
      RedisCommand("HGETALL", keys[4]), RedisCommand("LRANGE", keys[5], "0", "-1"),
      RedisCommand("XRANGE", keys[6], "-", "+"),
    ]
  }

  /// What an empty Redis holds.
  init() {}

  init(replies: some Collection<RedisReply>) {
    let replies = Array(replies)
    fence = pairs(replies[0])
    isListed = replies[1].int == 1
    stock = pairs(replies[2])
    locks = pairs(replies[3])
    users = pairs(replies[4])
    free = texts(replies[5])
    outbox = (replies[6].elements ?? []).map { entry in
      [entry.elements?[0].text ?? "?"] + texts(entry.elements?[1] ?? .null)
    }
  }

  init(_ model: ScriptModel) {
    if let epoch = model.serverEpoch { fence["epoch"] = String(epoch) }
    if let identity = model.serverFence { fence["fence"] = identity }
    isListed = model.isListed
    stock = [
      "total": "\(model.total)", "seq": "\(model.seq)", "opens": "\(model.opensMs)",
      "closes": "\(model.closesMs)", "limit": "\(model.limit)", "state": model.state,
      "epoch": "\(model.epoch)", "fence": model.fence, "locks": "\(model.lockCount)",
      "outbox": "\(model.outboxCount)",
    ]
    stock["used"] = model.used
    if let field = model.missingField { stock[field] = nil }
    for (slot, lock) in model.locks {
      locks["\(slot)"] =
        "\(lock.user) \(lock.request) \(lock.seq) \(lock.epoch)" + (lock.isReleasing ? " r" : "")
    }
    for (user, claims) in model.users {
      users[user] = claims.map { claim in
        let lock = model.lock(on: claim.slot, of: user, claim.request)
        if !claim.isReleased, lock?.isReleasing == false { return "\(claim.slot)" }
        return "\(claim.request):\(claim.slot):\(claim.seq)" + (claim.isReleased ? ":r" : "")
      }.joined(separator: ",")
    }
    free = model.free
    outbox = model.outbox.map { entry in
      let events = entry.events.map { "\($0.slot) \($0.user) \($0.request)" }
      return [
        "\(entry.lastSeq)-0", "f", "\(entry.firstSeq)", "k", entry.isRelease ? "r" : "c",
        "e", "\(entry.epoch)", "t", "\(entry.timeMs)", "d", events.joined(separator: "\n"),
      ]
    }
  }

  /// Where the two differ, for people.
  func difference(from expected: StockState) -> String {
    let parts: [(String, String, String)] = [
      ("fence", "\(fence)", "\(expected.fence)"),
      ("listed", "\(isListed)", "\(expected.isListed)"),
      ("stock", sorted(stock), sorted(expected.stock)),
      ("locks", sorted(locks), sorted(expected.locks)),
      ("users", sorted(users), sorted(expected.users)),
      ("free", "\(free)", "\(expected.free)"), ("outbox", "\(outbox)", "\(expected.outbox)"),
    ]
    return parts.filter { $0.1 != $0.2 }.map { "\($0.0): \($0.1)\n  expected: \($0.2)" }
      .joined(separator: "\n")
  }
}

private func pairs(_ reply: RedisReply) -> [String: String] {
  let texts = texts(reply)
  var pairs: [String: String] = [:]
  for index in stride(from: 0, to: texts.count, by: 2) { pairs[texts[index]] = texts[index + 1] }
  return pairs
}

private func texts(_ reply: RedisReply) -> [String] {
  (reply.elements ?? []).map { $0.text ?? "?" }
}

private func sorted(_ pairs: [String: String]) -> String {
  pairs.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
}
