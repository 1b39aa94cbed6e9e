import RedisClient
import TestSupport
import Threads

/// A Redis database for each suite about the scripts; the suites are serialized, so that their tests can share it.
enum ScriptDatabase {
  private static let numbers = Lock<[String: Int]>([:])

  /// The suite's database, emptied.
  static func emptied(for suite: String) throws -> RedisEndpoint {
    let stack = try LocalStack.shared([.redis])
    let number = try numbers.withLock { numbers in
      let number = try numbers[suite] ?? stack.freshRedisDatabase()
      numbers[suite] = number
      return number
    }
    let endpoint = RedisEndpoint(
      socket: stack.redisSocket, database: number, commandTimeoutMs: 30_000)
    _ = try RedisConnection(endpoint).pipeline([RedisCommand("FLUSHDB")])
    return endpoint
  }
}
