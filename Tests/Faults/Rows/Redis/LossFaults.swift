import RedisClient
import TestSupport
import Threads

/// Redis forgets everything.
let redisLossFaults = [
  Fault(row: 6, name: "flushall", breaks: [.redis]) { sale, random in
    try sale.sell(Int.random(in: 100...400, using: &random))
    try flush(sale)
  },
  Fault(row: 6, name: "redis-empty-start", breaks: [.redis]) { sale, random in
    try sale.sell(Int.random(in: 100...400, using: &random))
    try sale.injure("Redis started empty", back: .draws(withinMs: recoveredWithinMs)) {
      let before = try sale.held()
      try sale.ground.stack.startRedisEmpty()
      let after = try sale.held()
      return before > 0 && after == 0 ? "\(before) locks before, none after" : nil
    }
  },
  // What the recovery has put back so far is lost again before it is done.
  Fault(row: 6, name: "flushall-twice", breaks: [.redis]) { sale, random in
    try sale.sell(Int.random(in: 100...400, using: &random))
    let keys = Int.random(in: 1...3, using: &random)
    try flush(sale)
    try sale.injure("FLUSHALL in a rebuild", back: .draws(withinMs: recoveredWithinMs)) {
      try flushRebuild(sale, atKeys: keys).map { "\($0) rebuilt keys lost, no fence there yet" }
    }
  },
  // By then the workers' tries to reach Postgres are further apart than their looks at Redis.
  Fault(
    row: 6, name: "flushall-after-outage", plan: slowSale, breaks: [.redis, .postgres],
    isCombinable: false
  ) { sale, random in
    try sale.sellAndApply(Int.random(in: 100...200, using: &random))
    let ms = Int.random(in: 4_000...8_000, using: &random)
    try sale.injure("Postgres gone", back: .worker(withinMs: backFromPostgresMs)) {
      let blind = sale.blindLooks
      let processes = try sale.killPostgres()
      Timing.last(ms: ms)
      try sale.restartPostgres()
      let count = sale.blindLooks - blind
      return count == sale.workers.count
        ? "\(processes) processes killed for \(ms) ms, seen by \(count) workers" : nil
    }
    try flush(sale)
  },
]

extension Sale {
  /// Workers' looks, first ones of a row, that could not see whether Redis has to be recovered.
  fileprivate var blindLooks: Int { workers.reduce(0) { $0 + $1.events("recovery_blind").count } }
}

private func flush(_ sale: Sale) throws {
  try sale.injure("FLUSHALL", back: .draws(withinMs: recoveredWithinMs)) {
    let replies = try sale.redis([
      RedisCommand("HLEN", "\(sale.stockKey):locks"), RedisCommand("FLUSHALL"),
    ])
    let before = replies[0].int ?? 0
    return before > 0 && replies[1].error == nil ? "\(before) locks before" : nil
  }
}

/// Waits for a rebuild that has made so many keys and not opened the fence, and flushes it in the same moment; how
/// many keys there were, or nil when none was met.
private func flushRebuild(_ sale: Sale, atKeys keys: Int) throws -> Int? {
  let script = """
    local keys = redis.call('DBSIZE')
    if keys < tonumber(ARGV[1]) or redis.call('EXISTS', 'stock:fence') == 1 then return 0 end
    redis.call('FLUSHALL')
    return keys
    """
  let connection = try RedisConnection(RedisEndpoint(port: sale.ground.redisPort))
  let deadline = MonotonicTime.after(ms: recoveredWithinMs)
  // Without a pause: a rebuild of this size takes milliseconds.
  while deadline > .now {
    let reply = try connection.pipeline([RedisCommand("EVAL", script, "0", "\(keys)")])[0]
    if let error = reply.error { throw error }
    if let lost = reply.int, lost > 0 { return Int(lost) }
  }
  return nil
}
