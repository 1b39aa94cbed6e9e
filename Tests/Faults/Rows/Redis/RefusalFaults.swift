import Glibc
import RedisClient
import TestSupport
import Threads

/// Redis is there, and answers with errors.
let redisRefusalFaults = [
  Fault(row: 9, name: "redis-oom", breaks: [.redis]) { sale, random in
    try sale.sell(Int.random(in: 100...400, using: &random))
    let ms = Int.random(in: 300...3_000, using: &random)
    try sale.injure("OOM", back: .draws(withinMs: 5_000)) {
      try refusals("OOM", of: sale, ms) {
        let stack = sale.ground.stack
        defer { sale.resetRedis() }
        try stack.redis("config", "set", "maxmemory", "1")
        try $0()
      }
    }
  },
  Fault(row: 9, name: "redis-busy", breaks: [.redis]) { sale, random in
    try sale.sell(Int.random(in: 100...400, using: &random))
    let ms = Int.random(in: 200...2_500, using: &random)
    try sale.injure("BUSY", back: .draws(withinMs: 5_000)) {
      let before = try sale.servicesRefused()
      let answers = try refusals("BUSY", of: sale, ms) { try whileBusy(sale, $0) }
      let count = try sale.servicesRefused() - before
      return count > 0 ? answers.map { "\($0), \(count) of them to the services" } : nil
    }
  },
  // No more a primary for a while. Its replication id is another afterwards, so that the stock is recovered.
  Fault(row: 9, name: "redis-readonly", breaks: [.redis]) { sale, random in
    try sale.sell(Int.random(in: 100...400, using: &random))
    let ms = Int.random(in: 300...3_000, using: &random)
    try sale.injure("READONLY", back: .draws(withinMs: recoveredWithinMs)) {
      try refusals("READONLY", of: sale, ms) {
        let stack = sale.ground.stack
        try stack.redis("replicaof", "127.0.0.1", "\(freePort())")
        defer { sale.resetRedis() }
        try $0()
      }
    }
  },
  Fault(row: 9, name: "redis-loading", breaks: [.redis]) { sale, random in
    try sale.sell(Int.random(in: 100...400, using: &random))
    let keys = Int.random(in: 5_000...20_000, using: &random)
    try sale.injure("LOADING", back: .draws(withinMs: recoveredWithinMs)) {
      let (count, services) = try reloadSlowly(sale, ballast: keys)
      return services > 0
        ? "\(count) answers LOADING, \(services) of them to the services, for \(keys) more keys that loaded slowly"
        : nil
    }
  },
]

extension Sale {
  /// Commands that nobody but the services sends, and that Redis has refused to run since it started.
  fileprivate func servicesRefused() throws -> Int {
    try redisRejections("evalsha") + redisRejections("script|load")
  }
}

/// Lets Redis refuse by `setting`, which calls what it is given meanwhile: that lasts `ms`. Nil when there was no refusal.
///
/// Our own questions are refused like any other: they count here.
private func refusals(
  _ code: String, of sale: Sale, _ ms: Int, by setting: (() throws -> Void) throws -> Void
) throws -> String? {
  let before = try sale.redisErrors(code)
  try setting { Timing.last(ms: ms) }
  let count = try sale.redisErrors(code) - before
  return count > 0 ? "\(count) answers \(code) in \(ms) ms" : nil
}

/// A script that runs for ever, until it is killed; it writes nothing.
private func whileBusy(_ sale: Sale, _ body: () throws -> Void) throws {
  let (stack, port) = (sale.ground.stack, sale.ground.redisPort)
  try stack.redis("config", "set", "busy-reply-threshold", "50")
  let looping = NamedThread("busy") {
    let endpoint = RedisEndpoint(port: port, commandTimeoutMs: 30_000)
    // Its answer is the error that SCRIPT KILL makes.
    _ = try? RedisConnection(endpoint).pipeline([RedisCommand("EVAL", "while true do end", "0")])
  }
  defer {
    sale.setBack("the script") { try stack.redis("script", "kill") }
    looping.join()
    sale.resetRedis()
  }
  // By way of redis-cli: a connection of ours is refused with its first PING.
  let isBusy = eventually(within: 5, everyMs: 5) {
    do {
      try stack.redis("ping")
      return false
    } catch { return "\(error)".contains("BUSY") }
  }
  guard isBusy else { throw TestSupportError("no script keeps Redis busy") }
  try body()
}

/// Restarts Redis so that it takes its time with each command of its file; how often it said LOADING, and how often to the
/// services.
private func reloadSlowly(_ sale: Sale, ballast keys: Int) throws -> (all: Int, services: Int) {
  let stack = sale.ground.stack
  try stack.redis(
    "eval", "for i = 1, ARGV[1] do redis.call('SET', 'ballast:' .. i, i) end", "0", "\(keys)")
  // By keys and not by all that was ever written: in a long deployment that would be minutes.
  try stack.redis("bgrewriteaof")
  let isRewritten = try eventually(within: 20, everyMs: 20) {
    let status = try stack.redis("info", "persistence")
    return ["aof_rewrite_in_progress", "aof_rewrite_scheduled"].allSatisfy {
      status.contains("\($0):0")
    }
  }
  guard isRewritten else { throw TestSupportError("Redis did not rewrite its file") }
  try stack.kill(.redis)
  try stack.setMoreRedisSettings("key-load-delay 50")
  defer { sale.resetRedis() }
  try stack.restart(.redis)
  let (all, services) = (try sale.redisErrors("LOADING"), try sale.servicesRefused())
  try stack.redis(
    "eval", "for i = 1, ARGV[1] do redis.call('DEL', 'ballast:' .. i) end", "0", "\(keys)")
  return (all, services)
}
