import RedisClient
import TestSupport

/// What the Redis of the sale says about itself: most evidence of faults of Redis.
extension Sale {
  /// Sets back what a fault has set of Redis; for `defer`.
  func resetRedis() { setBack("the settings of Redis") { try ground.resetRedis() } }

  /// Fields of `INFO` with these sections.
  func redisInfo(_ sections: String...) throws -> [Substring: Substring] {
    var fields: [Substring: Substring] = [:]
    for section in sections {
      let text = try redis([RedisCommand("INFO", section)])[0].text ?? ""
      for line in Substring(text).split(whereSeparator: \.isNewline) {
        let halves = line.split(separator: ":", maxSplits: 1)
        if halves.count == 2 { fields[halves[0]] = halves[1] }
      }
    }
    return fields
  }

  /// How often it has answered with an error of this code since it started.
  func redisErrors(_ code: String) throws -> Int {
    number(try redisInfo("errorstats")["errorstat_\(code)"])
  }

  /// How often it has run a command, such as `script|flush`, since it started.
  func redisCalls(_ command: String) throws -> Int {
    number(try redisInfo("commandstats")["cmdstat_\(command)"])
  }

  /// How often it has refused to run a command since it started.
  func redisRejections(_ command: String) throws -> Int {
    let field = try redisInfo("commandstats")["cmdstat_\(command)"]
    return number(field?.split(separator: ",").first { $0.hasPrefix("rejected_calls=") })
  }

  /// The first number of `count=3` or `calls=3,usec=17`.
  private func number(_ field: Substring?) -> Int {
    let first = field?.split(separator: ",").first?.split(separator: "=").last
    return first.flatMap { Int($0) } ?? 0
  }

  /// The last seq of the activity, 0 where Redis does not know it; of another server than the sale's with `port`.
  func seq(port: Int? = nil) throws -> Int {
    let connection = try RedisConnection(RedisEndpoint(port: port ?? ground.redisPort))
    let reply = try connection.pipeline([RedisCommand("HGET", stockKey, "seq")])[0]
    return reply.text.flatMap { Int($0) } ?? 0
  }

  /// Recoveries that the workers have finished.
  var recoveries: Int { workers.reduce(0) { $0 + $1.events("recovery_done").count } }

  /// Waits until there have been more of them than `count`.
  func awaitRecovery(after count: Int, within seconds: Double = 30) throws {
    guard eventually(within: seconds, everyMs: 20, { recoveries > count }) else {
      throw TestSupportError("no recovery after \(seconds) s")
    }
  }
}
