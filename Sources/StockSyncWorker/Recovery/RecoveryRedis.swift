import Protections
import RedisClient
import Stock
import StockRecords

/// Redis' side of a recovery, on one connection that is never made anew: another one could be to another server.
struct RecoveryRedis {
  private static func script(_ name: String, _ source: [UInt8]) -> RedisScript {
    RedisScript(name: name, source: PackageResources.server_lua + source)
  }
  static let inspect = script("inspect", PackageResources.inspect_lua)
  static let swap = script("swap", PackageResources.swap_lua)
  static let fence = script("fence", PackageResources.fence_lua)

  /// Commands of one pipeline, where there may be many.
  private static let pipelineLimit = 500

  /// What came is none of our scripts' replies.
  struct Unreadable: Error, CustomStringConvertible {
    let description: String
  }

  let connection: RedisConnection
  /// As it was when the connection was made: what swap and fence compare.
  let identity: ServerIdentity

  init(_ endpoint: RedisEndpoint) throws {
    connection = try RedisConnection(endpoint, scripts: [Self.inspect, Self.swap, Self.fence])
    let head = try Self.texts(
      connection.pipeline([
        .script(Self.inspect, keys: [RedisKeys.fence, RedisKeys.activities], arguments: [""])
      ])[0], count: 3)
    identity = ServerIdentity(text: head[0])
  }

  /// The server, and these activities of it.
  func view(of activities: [ActivityID]) throws -> RecoveryNeed.RedisView {
    let head = try inspect([])[0]
    let fence = Int64(head[1]).map {
      RecoveryNeed.RedisView.Fence(epoch: $0, fence: ServerIdentity(text: head[2]))
    }
    var view = RecoveryNeed.RedisView(
      identity: ServerIdentity(text: head[0]), fence: head[2].isEmpty ? nil : fence, activities: [:]
    )
    for (id, texts) in zip(activities, try inspect(activities)) {
      view.activities[id] = try Self.presence(texts)
    }
    return view
  }

  /// 0 when it holds none. What is there and cannot be an epoch is given to `ignored`, with where it is.
  func highestEpoch(ignored: (_ place: String, _ text: String) -> Void) throws -> Int64 {
    let listed = try listedActivities()
    let replies = try ([[]] + chunks(listed)).flatMap { try inspect($0) }
    let places = [RedisKeys.fence] + listed.map { RedisKeys($0).stock }
    var highest: Int64 = 0
    for (place, reply) in zip(places, replies) {
      let text = reply.count > 6 ? reply[6] : reply[1]
      if text.isEmpty { continue }
      if let epoch = Int64(text), KnownEpoch.range.contains(epoch) {
        highest = max(highest, epoch)
      } else {
        ignored(place, text)
      }
    }
    return highest
  }

  /// What is no activity's number is left out.
  func listedActivities() throws -> [ActivityID] {
    let reply = try connection.pipeline([RedisCommand("SMEMBERS", RedisKeys.activities)])[0]
    if let error = reply.error { throw error }
    return (reply.elements ?? []).compactMap { $0.text.flatMap { ActivityID(text: $0) } }.sorted()
  }

  /// The next entries of an outbox above a seq, as Redis gives them.
  func outbox(_ id: ActivityID, above seq: Int64, limit: Int) throws -> [RedisReply] {
    let reply = try connection.pipeline([
      RedisCommand("XRANGE", RedisKeys(id).outbox, "\(seq + 1)-0", "+", "COUNT", "\(limit)")
    ])[0]
    if let error = reply.error { throw error }
    return reply.elements ?? []
  }

  /// `swapped`, or why not.
  func swap(_ staged: StagedActivity) throws -> RedisAnswer {
    let (terms, totals) = (staged.terms, staged.totals)
    let numbers = [
      staged.epoch, totals.locks, totals.users, totals.free, terms.total, terms.limit,
      terms.opensMs, terms.closesMs, totals.seq, totals.used,
    ].map { String($0) }
    return try answer(
      Self.swap, keys: staged.keys.forSwap,
      [staged.keys.activity.description, staged.keys.token, numbers[0], identity.description]
        + numbers[1...] + [
          Protection.swapComparesEpoch.isOn ? "1" : "0",
          Protection.outboxClearedAtSwap.isOn ? "1" : "0",
        ])
  }

  /// `opened` and how many activities were removed, or why not.
  func openFence(epoch: Int64, _ activities: [ActivityID]) throws -> RedisAnswer {
    try answer(
      Self.fence, keys: [RedisKeys.fence, RedisKeys.activities],
      [String(epoch), identity.description, Protection.swapComparesEpoch.isOn ? "1" : "0"]
        + activities.map(\.description))
  }

  private func answer(_ script: RedisScript, keys: [String], _ arguments: [String]) throws
    -> RedisAnswer
  {
    let reply = try connection.pipeline([.script(script, keys: keys, arguments: arguments)])[0]
    let texts = try Self.texts(reply, count: 2)
    return RedisAnswer(word: texts[0], detail: texts[1])
  }

  /// One reply for the server alone, or one for each activity.
  private func inspect(_ activities: [ActivityID]) throws -> [[String]] {
    if activities.isEmpty {
      let command = RedisCommand.script(
        Self.inspect, keys: [RedisKeys.fence, RedisKeys.activities], arguments: [""])
      return [try Self.texts(connection.pipeline([command])[0], count: 3)]
    }
    return try chunks(activities).flatMap { chunk in
      try connection.pipeline(
        chunk.map {
          .script(Self.inspect, keys: RedisKeys($0).all, arguments: [$0.description])
        }
      ).map { try Self.texts($0, count: 12) }
    }
  }

  private func chunks(_ activities: [ActivityID]) -> [[ActivityID]] {
    stride(from: 0, to: activities.count, by: Self.pipelineLimit).map {
      Array(activities[$0..<min($0 + Self.pipelineLimit, activities.count)])
    }
  }

  private static func texts(_ reply: RedisReply, count: Int) throws -> [String] {
    if let error = reply.error { throw error }
    let texts = (reply.elements ?? []).compactMap(\.text)
    guard texts.count == count else {
      throw Unreadable(description: "a script answered with something else")
    }
    return texts
  }

  /// The activity's part of inspect.lua's reply.
  private static func presence(_ texts: [String]) throws -> RecoveryNeed.RedisView.Presence {
    if texts[3] == "0" { return .missing }
    func count(_ place: Int) -> RecoveryNeed.RedisView.Count? {
      guard let stored = Int64(texts[place]), let counted = Int64(texts[place + 1]) else {
        return nil
      }
      return RecoveryNeed.RedisView.Count(stored: stored, counted: counted)
    }
    guard texts[4] == "1", let epoch = Int64(texts[6]), let locks = count(8),
      let outbox = count(10)
    else { return .incomplete }
    return .whole(
      RecoveryNeed.RedisView.Activity(
        isPreparing: texts[5] == "preparing", epoch: epoch, fence: ServerIdentity(text: texts[7]),
        locks: locks, outbox: outbox))
  }
}
