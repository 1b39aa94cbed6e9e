import RedisClient
import TestSupport
import Threads

/// Redis forgets its scripts, between the commands of pipelines.
let redisScriptFaults = [
  Fault(row: 8, name: "script-flush", breaks: [.redis]) { sale, random in
    try sale.sell(Int.random(in: 100...400, using: &random))
    let (connections, ms) = (
      Int.random(in: 2...4, using: &random), Int.random(in: 300...1_500, using: &random)
    )
    try sale.injure("SCRIPT FLUSH", back: .draws(withinMs: 5_000)) {
      let before = try counts(sale)
      try flushScripts(sale.ground.redisPort, connections: connections, ms: ms)
      let after = try counts(sale)
      let (flushes, forgotten, loads) = (
        after.flushes - before.flushes, after.forgotten - before.forgotten,
        after.loads - before.loads
      )
      return flushes >= flushLimit && forgotten > 0
        ? "\(flushes) flushes from \(connections) connections in \(ms) ms, \(forgotten) NOSCRIPT, \(loads) loads"
        : nil
    }
  }
]

/// Fewer show little.
private let flushLimit = 200

private func counts(_ sale: Sale) throws -> (flushes: Int, forgotten: Int, loads: Int) {
  (
    try sale.redisCalls("script|flush"), try sale.redisErrors("NOSCRIPT"),
    try sale.redisCalls("script|load")
  )
}

/// Flushes without a pause from several connections, for so long and until there were `flushLimit` of them; throws
/// what any of them could not do.
private func flushScripts(_ port: Int, connections: Int, ms: Int) throws {
  let failures = Lock<[RedisError]>([])
  let flushes = Lock(0)
  let (least, latest) = (MonotonicTime.after(ms: ms), MonotonicTime.after(ms: 15_000))
  let threads = (1...connections).map { number in
    NamedThread("flush-\(number)") {
      do throws(RedisError) {
        let connection = try RedisConnection(RedisEndpoint(port: port))
        while least > .now || (flushes.withLock { $0 } < flushLimit && latest > .now) {
          _ = try connection.pipeline([RedisCommand("SCRIPT", "FLUSH")])
          flushes.withLock { $0 += 1 }
        }
      } catch {
        failures.withLock { $0.append(error) }
      }
    }
  }
  for thread in threads { thread.join() }
  if let failure = failures.withLock({ $0.first }) { throw failure }
}
