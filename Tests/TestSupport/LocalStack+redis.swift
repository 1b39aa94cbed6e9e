import Foundation
import Threads

/// Ways in which Redis loses what it had. Only for a stack of one's own.
extension LocalStack {
  /// Everything is gone in a moment, and the server is the same.
  public func flushRedis() throws { try redis("flushall") }

  /// SIGKILL, and a start with what the AOF has: all that was replied to, for Redis writes the AOF before it
  /// replies, and what was written to a file survives its process. To lose the last writes: `powerOffRedis`.
  public func crashRedis() throws {
    requireOurs()
    try kill(.redis)
    try restart(.redis)
  }

  /// SIGKILL, and a start with no data.
  public func startRedisEmpty() throws { try replaceRedisData { _ in } }

  /// SIGKILL, and a start with the data of an older moment.
  public func startRedis(from copy: RedisCopy) throws {
    try replaceRedisData { folder in
      try FileManager.default.copyItem(atPath: copy.folder + "/data", toPath: folder)
    }
  }

  /// A copy of the data as it is now, while the server goes on. A file that only grows is copied up to some moment,
  /// and no rewrite changes files meanwhile.
  public func copyRedisData() throws -> RedisCopy {
    try suspendRewrites()
    let copy = try RedisCopy()
    try FileManager.default.copyItem(atPath: redisData, toPath: copy.folder + "/data")
    try redis("config", "set", "auto-aof-rewrite-percentage", "100")
    return copy
  }

  /// How far the AOF is written now: what a disk has that is synced at this moment. No rewrite happens from here
  /// to the next start.
  public func markRedisAOF() throws -> RedisAOFMark {
    try suspendRewrites()
    let file = try growingAOF()
    return RedisAOFMark(file: file, size: try size(of: file))
  }

  /// A power loss: SIGKILL, the AOF without what was written after `mark`, and a start. Gives the bytes that were lost.
  ///
  /// The system's memory that SIGKILL spares would have had them: with `everysec` up to about 2 s of writes,
  /// so a mark not older than that is what can really happen. With `tornBytes` that many bytes of the next write are
  /// left, which Redis cuts off when it loads (`aof-load-truncated`).
  @discardableResult
  public func powerOffRedis(keeping mark: RedisAOFMark, tornBytes: Int = 0) throws -> Int {
    requireOurs()
    try kill(.redis)
    guard try growingAOF() == mark.file else {
      throw TestSupportError(
        "\(mark.file) is not written any more: it was rewritten since the mark")
    }
    let lost = try size(of: mark.file) - mark.size
    let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: mark.file))
    try handle.truncate(atOffset: UInt64(mark.size + min(max(lost, 0), tornBytes)))
    try handle.close()
    try restart(.redis)
    return lost
  }

  /// Lines for Redis' configuration file besides the stack's, from its next start on.
  public func setMoreRedisSettings(_ lines: String) throws {
    requireOurs()
    try lines.write(toFile: directory + "/redis/more.conf", atomically: true, encoding: .utf8)
  }

  /// `redis-cli` with these words on the stack's Redis: its answer; throws an error reply.
  @discardableResult
  public func redis(_ words: String...) throws -> String {
    requireOurs()
    return try redisCLI(port: redisPort, words)
  }

  private var redisData: String { directory + "/redis/data" }

  private func requireOurs() { precondition(isOurs, "this would break a stack that others use") }

  private func replaceRedisData(_ fill: (String) throws -> Void) throws {
    requireOurs()
    try kill(.redis)
    try FileManager.default.removeItem(atPath: redisData)
    try fill(redisData)
    try restart(.redis)
  }

  private func suspendRewrites() throws {
    try redis("config", "set", "auto-aof-rewrite-percentage", "0")
    let isQuiet = try eventually(within: 60) {
      let persistence = try redis("info", "persistence")
      return persistence.contains("aof_rewrite_in_progress:0")
        && persistence.contains("aof_rewrite_scheduled:0")
    }
    guard isQuiet else { throw TestSupportError("Redis rewrites its AOF for more than 60 s") }
  }

  /// The file that takes the writes: the last in the manifest, whose lines are `file NAME seq N type i`.
  private func growingAOF() throws -> String {
    let folder = redisData + "/appendonlydir"
    let manifest = readFile(folder + "/appendonly.aof.manifest") ?? ""
    guard let line = manifest.split(separator: "\n").last(where: { $0.hasSuffix("type i") }) else {
      throw TestSupportError("no growing file in the manifest of \(folder): \(manifest)")
    }
    return "\(folder)/\(line.split(separator: " ")[1])"
  }

  private func size(of file: String) throws -> Int {
    let attributes = try FileManager.default.attributesOfItem(atPath: file)
    return (attributes[.size] as? NSNumber)?.intValue ?? 0
  }
}

/// How much of the AOF is safe.
public struct RedisAOFMark: Sendable {
  let file: String
  let size: Int
}

/// Redis's data of an earlier moment; removed with this object.
public final class RedisCopy: Sendable {
  let folder: String
  private let cleanUp: CleanUp

  init() throws {
    let folder = try temporaryDirectory("redis-copy")
    self.folder = folder
    cleanUp = CleanUp { try? FileManager.default.removeItem(atPath: folder) }
  }

  deinit { cleanUp.run() }
}

/// The answer without its last line feed; throws an error reply.
func redisCLI(port: Int, _ words: [String]) throws -> String {
  let answer = try Subprocess.run("redis-cli", ["-e", "-p", "\(port)"] + words)
  return answer.hasSuffix("\n") ? String(answer.dropLast()) : answer
}
