import RedisClient
import Stock
import StockRecords

/// Redis' side of a reconciliation, on one connection.
struct RedisSide {
  private static func script(_ name: String, _ source: [UInt8], isTrusting: Bool = true)
    -> RedisScript
  {
    RedisScript(
      name: name,
      source: PackageResources.server_lua
        + (isTrusting ? PackageResources.trusted_lua + RecordsScript.source : []) + source)
  }
  private static let slots = script("slots", PackageResources.slots_lua)
  private static let distrust = script("distrust", PackageResources.distrust_lua)
  private static let finishRelease = script("finish_release", PackageResources.finish_release_lua)
  private static let giveBack = script("give_back", PackageResources.give_back_lua)
  private static let restoreUser = script("restore_user", PackageResources.restore_user_lua)
  private static let expire = script("expire", PackageResources.expire_lua, isTrusting: false)

  /// Slots of one script call.
  private static let slotsPerCall = 500

  /// What the server holds is not to be trusted, or not what our scripts answer.
  struct Untrusted: Error, CustomStringConvertible {
    let description: String
  }

  /// A slot, and whose record is wanted with it; nil: the holder's.
  struct Wanted: Hashable {
    var slot: Int64
    var user: String?
  }

  /// A slot as of one moment.
  struct Found {
    var wanted: Wanted
    var lock: String?
    /// Kafka has not acknowledged the event that made the lock so.
    var isWaiting: Bool
    var record: String?
    /// The activity's, at that moment.
    var seq: Int64
  }

  let connection: RedisConnection

  init(_ endpoint: RedisEndpoint) throws(RedisError) {
    connection = try RedisConnection(
      endpoint,
      scripts: [
        Self.slots, Self.distrust, Self.finishRelease, Self.giveBack, Self.restoreUser,
      ])
  }

  func total(_ id: ActivityID) throws -> Int64? {
    try reply(RedisCommand("HGET", RedisKeys(id).stock, "total")).text.flatMap { Int64($0) }
  }

  /// Locks of a range of slots, in order; nil: free.
  func locks(_ id: ActivityID, _ range: ClosedRange<Int64>) throws -> [String?] {
    try texts(RedisKeys(id).locks, range.map { String($0) })
  }

  /// Records of users, in order.
  func records(_ id: ActivityID, _ users: [String]) throws -> [String?] {
    users.isEmpty ? [] : try texts(RedisKeys(id).users, users)
  }

  /// Some users with their records, and where to go on; '0' at the end. One may come twice.
  func users(_ id: ActivityID, cursor: String) throws -> (
    next: String, records: [(user: String, record: String)]
  ) {
    let reply = try reply(
      RedisCommand("HSCAN", RedisKeys(id).users, cursor, "COUNT", "500"))
    guard let parts = reply.elements, parts.count == 2, let next = parts[0].text,
      let values = parts[1].elements, values.count.isMultiple(of: 2)
    else { throw Untrusted(description: "HSCAN answered with something else") }
    return (
      next,
      stride(from: 0, to: values.count, by: 2).map { place in
        (values[place].text ?? "", values[place + 1].text ?? "")
      }
    )
  }

  /// Locks of some slots, in order.
  func locks(_ id: ActivityID, of slots: [Int64]) throws -> [String?] {
    slots.isEmpty ? [] : try texts(RedisKeys(id).locks, slots.map { String($0) })
  }

  /// What the server lists; what is no activity's number is left out.
  func listed() throws -> [ActivityID] {
    (try reply(RedisCommand("SMEMBERS", RedisKeys.activities)).elements ?? [])
      .compactMap { $0.text.flatMap { ActivityID(text: $0) } }.sorted()
  }

  /// Slots as they stand, those of a call as of one moment, under a valid fence of `epoch`.
  func look(_ id: ActivityID, _ wanted: [Wanted], epoch: Int64) throws -> [Found] {
    var found: [Found] = []
    for start in stride(from: 0, to: wanted.count, by: Self.slotsPerCall) {
      let part = wanted[start..<min(start + Self.slotsPerCall, wanted.count)]
      let texts = try answer(
        Self.slots, id, epoch, part.flatMap { [String($0.slot), $0.user ?? ""] })
      guard texts.count == 2 + 3 * part.count, let seq = Int64(texts[1]) else {
        throw Untrusted(description: "slots.lua answered with something else")
      }
      for (place, wanted) in part.enumerated() {
        let three = texts[(2 + 3 * place)...]
        let (lock, waiting, record) = (
          three[three.startIndex], three[three.startIndex + 1], three[three.startIndex + 2]
        )
        found.append(
          Found(
            wanted: wanted, lock: lock.isEmpty ? nil : lock, isWaiting: waiting == "1",
            record: record.isEmpty ? nil : record, seq: seq))
      }
    }
    return found
  }

  /// These write, each only while the lock is still `lock`; the script's word for how it went.
  func distrust(_ id: ActivityID, _ slot: Int64, lock: String?, epoch: Int64) throws -> String {
    try answer(Self.distrust, id, epoch, [String(slot), lock ?? ""])[0]
  }

  func finishRelease(_ id: ActivityID, _ slot: Int64, lock: String, epoch: Int64) throws -> String {
    try answer(Self.finishRelease, id, epoch, [String(slot), lock])[0]
  }

  func giveBack(_ id: ActivityID, _ slot: Int64, lock: String, kept: Int64, epoch: Int64) throws
    -> String
  {
    try answer(Self.giveBack, id, epoch, [String(slot), lock, String(kept)])[0]
  }

  func restoreUser(_ id: ActivityID, _ slot: Int64, lock: String, epoch: Int64) throws -> String {
    try answer(Self.restoreUser, id, epoch, [String(slot), lock])[0]
  }

  /// Removes an activity whose retention is over; the script's word and what it is about.
  func expire(_ id: ActivityID, epoch: Int64, retentionMs: Int64) throws -> [String] {
    let texts = try Self.texts(
      reply(
        .script(
          Self.expire, keys: RedisKeys(id).all,
          arguments: [id.description, String(epoch), String(retentionMs)])))
    guard texts.count == 2 else {
      throw Untrusted(description: "expire.lua answered with something else")
    }
    return texts
  }

  private func answer(
    _ script: RedisScript, _ id: ActivityID, _ epoch: Int64, _ arguments: [String]
  ) throws -> [String] {
    let texts = try Self.texts(
      reply(
        .script(
          script, keys: RedisKeys(id).all, arguments: [id.description, String(epoch)] + arguments)))
    guard texts.count >= 2, texts[0] != "untrusted" else {
      throw Untrusted(description: "\(texts.joined(separator: " ")) while activity \(id) was read")
    }
    return texts
  }

  private func texts(_ key: String, _ fields: [String]) throws -> [String?] {
    var command = RedisCommand("HMGET", key)
    for field in fields { command.append(field) }
    guard let values = try reply(command).elements, values.count == fields.count else {
      throw Untrusted(description: "HMGET answered with something else")
    }
    return values.map(\.text)
  }

  private func reply(_ command: RedisCommand) throws -> RedisReply {
    let reply = try connection.pipeline([command])[0]
    if let error = reply.error { throw error }
    return reply
  }

  private static func texts(_ reply: RedisReply) throws -> [String] {
    (reply.elements ?? []).compactMap(\.text)
  }
}
