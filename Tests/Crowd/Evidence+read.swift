import Glibc
import PostgresClient
import RedisClient
import Threads

/// Where the evidence is read.
struct Sources: Sendable {
  var redis = RedisEndpoint()
  var postgres = PostgresSettings()
  var activity = 0
}

/// The evidence could not be read.
struct Unreadable: Error, CustomStringConvertible {
  let description: String
}

extension RedisEvidence {
  /// Reads the activity's keys; at rest this is one consistent picture.
  static func read(_ sources: Sources) throws -> RedisEvidence {
    var endpoint = sources.redis
    endpoint.commandTimeoutMs = 60_000
    let connection = try RedisConnection(endpoint)
    let key = "stock:{\(sources.activity)}"
    let replies = try connection.pipeline([
      RedisCommand("HMGET", key, "total", "locks", "outbox"),
      RedisCommand("HGETALL", "\(key):locks"),
      RedisCommand("XLEN", "\(key):outbox"),
    ])
    if let error = replies.compactMap(\.error).first { throw Unreadable(description: "\(error)") }
    var evidence = RedisEvidence()
    let counts = (replies[0].elements ?? []).map { Int($0.text ?? "") ?? -1 }
    guard counts.count == 3, let locks = replies[1].elements, let length = replies[2].int else {
      throw Unreadable(description: "Redis answered in another form than asked")
    }
    (evidence.total, evidence.lockCount, evidence.outboxCount) = (counts[0], counts[1], counts[2])
    evidence.outboxLength = Int(length)
    for index in stride(from: 0, to: locks.count - 1, by: 2) {
      evidence.add(lock: locks[index].text ?? "", holder: locks[index + 1].text ?? "")
    }
    return evidence
  }

  /// One field of the locks: slot → `user request seq epoch`, and ` r` while releasing.
  mutating func add(lock: String, holder: String) {
    let parts = holder.split(separator: " ", omittingEmptySubsequences: false)
    guard let slot = Int(lock), parts.count == 4 || (parts.count == 5 && parts[4] == "r"),
      let seq = Int64(parts[2]), let epoch = Int64(parts[3])
    else {
      oddities.append("lock \(lock) reads '\(holder)'")
      return
    }
    let who = Holder(user: String(parts[0]), request: String(parts[1]), seq: seq, epoch: epoch)
    if parts.count == 5 { releasing[slot] = who } else { locks[slot] = who }
  }
}

extension PostgresEvidence {
  /// Reads the activity's rows in one snapshot.
  static func read(_ sources: Sources) throws -> PostgresEvidence {
    let connection = try PostgresConnection(sources.postgres)
    defer { connection.close() }
    try connection.execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    var evidence = PostgresEvidence()
    let id = PostgresValue.int8(Int64(sources.activity))
    let activity = try connection.execute(
      "SELECT stock_total, stock_surplus FROM activity WHERE id = $1", [id])
    guard activity.rowCount == 1 else {
      throw Unreadable(description: "Postgres has no activity \(sources.activity)")
    }
    evidence.total = Int(activity.int8(0, 0))
    evidence.surplus = Int(activity.int8(0, 1))
    let rows = try connection.execute(
      "SELECT slot, state::text, usr, request, seq, epoch FROM claim WHERE activity = $1", [id])
    for row in 0..<rows.rowCount {
      guard rows.text(row, 1) == "claimed" else {
        evidence.releasedRows += 1
        continue
      }
      evidence.claims[Int(rows.int8(row, 0))] = Holder(
        user: rows.text(row, 2), request: rows.text(row, 3), seq: rows.int8(row, 4),
        epoch: rows.int8(row, 5))
    }
    let letters = try connection.execute(
      """
      SELECT count(*) FILTER (WHERE reason <> 'void_epoch'),
        count(*) FILTER (WHERE reason = 'void_epoch') FROM dead_letter
      """)
    evidence.deadLetters = Int(letters.int8(0, 0))
    evidence.voidEvents = Int(letters.int8(0, 1))
    try connection.execute("COMMIT")
    return evidence
  }
}

extension Evidence {
  /// Reads both until nothing is on its way any more and all that users know is there, or the time is over;
  /// the last picture counts.
  ///
  /// Throws when a server could not be read at all until then.
  static func settled(
    _ sources: Sources, _ stories: [Story], until deadline: MonotonicTime
  ) throws -> Evidence {
    var waits = Backoff(initialMs: 100, maximumMs: 1_000)
    while true {
      do {
        let evidence = Evidence(redis: try .read(sources), postgres: try .read(sources))
        if deadline <= .now || (evidence.isSettled && evidence.lag(stories) == 0) {
          return evidence
        }
      } catch {
        if deadline <= .now { throw error }
      }
      usleep(UInt32(waits.nextMs()) * 1_000)
    }
  }
}
