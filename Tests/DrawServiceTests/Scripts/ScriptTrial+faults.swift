import RedisClient

@testable import ScriptModel

/// Faults for which Redis must be refused.
extension ScriptTrial {
  /// One call while something is missing or old.
  func playUnderFault() throws {
    switch Int.random(in: 0..<8, using: &random) {
    case 0:
      try tamper([RedisCommand("DEL", keys[0])]) { ($0.serverEpoch, $0.serverFence) = (nil, nil) }
    case 1:
      let field = random.pick([
        "epoch", "fence", "state", "total", "seq", "limit", "locks", "outbox",
      ])
      try tamper([RedisCommand("HDEL", keys[2], field)]) { $0.missingField = field }
    case 2: try unlist()
    case 3:
      let old = "\(model.epoch - 1)"
      try unlist()
      try tamper([RedisCommand("HSET", keys[0], "epoch", old)]) { $0.serverEpoch = Int64(old) }
    case 4:
      try tamper([RedisCommand("HDEL", keys[0], "fence")]) { $0.serverFence = nil }
    case 5: try moveToOtherServer()
    default: try miscount()
    }
    try playCall()
    try mend()
  }

  /// Puts right what a fault has changed, and nothing that the call under it did: not every fault concerns it.
  private func mend() throws {
    var mended = model
    (mended.serverEpoch, mended.serverFence, mended.fence) = (model.epoch, identity, identity)
    (mended.isListed, mended.missingField) = (true, nil)
    (mended.lockCount, mended.outboxCount) = (model.locks.count, model.outbox.count)
    var whole = RedisCommand("HSET", keys[2])
    for (field, value) in StockState(mended).stock {
      whole.append(field)
      whole.append(value)
    }
    try tamper([
      RedisCommand("HSET", keys[0], "epoch", "\(model.epoch)", "fence", identity),
      RedisCommand("SADD", keys[1], activity), whole,
    ]) { $0 = mended }
  }

  private func unlist() throws {
    try tamper([RedisCommand("SREM", keys[1], activity)]) { $0.isListed = false }
  }

  /// As after a restart, a promotion or a restored copy: what is here was opened on a server with another run, or with
  /// another history.
  private func moveToOtherServer() throws {
    let parts = identity.split(separator: ":")
    let other = random.pick([
      "\(String(parts[0].reversed())):\(parts[1])", "\(parts[0]):\(String(parts[1].reversed()))",
      "",
    ])
    if random.chance(65) {
      try tamper([RedisCommand("HSET", keys[0], "fence", other)]) { $0.serverFence = other }
      if random.chance(60) { try unlist() }
    } else {
      try set("fence", other) { $0.fence = other }
    }
  }

  /// As after a restart that lost the last writes of some keys.
  private func miscount() throws {
    let offset = random.pick([-1, 1])
    if random.chance(50) {
      let count = model.lockCount + offset
      try set("locks", "\(count)") { $0.lockCount = count }
    } else {
      let count = model.outboxCount + offset
      try set("outbox", "\(count)") { $0.outboxCount = count }
    }
    if random.chance(30) { try unlist() }
  }
}
