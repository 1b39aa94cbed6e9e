import RedisClient
import Stock

/// An activity's side in Redis: preheat, opening, and a look at it.
struct RedisStock {
  /// As `activity show` tells it.
  struct View: Equatable {
    var state: String
    var total: String
    var used: String
    var epoch: String
    var locks: Int64
    var free: Int64
    var outbox: Int64
  }

  static let preheat = RedisScript(
    name: "preheat", source: PackageResources.server_lua + PackageResources.preheat_lua)
  static let open = RedisScript(
    name: "open", source: PackageResources.server_lua + PackageResources.open_lua)

  let connection: RedisConnection

  init(_ endpoint: RedisEndpoint) throws(RedisError) {
    connection = try RedisConnection(endpoint, scripts: [Self.preheat, Self.open])
  }

  /// `mayBootstrap`: no activity was ever open, so a server without a fence may get one.
  func preheat(_ row: ActivityRow, epoch: Int64, mayBootstrap: Bool) throws -> RedisAnswer {
    try answer(
      Self.preheat, ActivityID(row.id)!,
      [
        String(row.id), String(row.total), String(row.limit), String(row.opensMs),
        String(row.closesMs), String(epoch), mayBootstrap ? "1" : "0",
      ])
  }

  func open(_ id: ActivityID, epoch: Int64) throws -> RedisAnswer {
    try answer(Self.open, id, [String(id.value), String(epoch)])
  }

  /// Nil when this server does not hold it.
  func view(_ id: ActivityID) throws -> View? {
    let keys = RedisKeys(id)
    let replies = try connection.pipeline([
      RedisCommand("HMGET", keys.stock, "state", "total", "used", "epoch"),
      RedisCommand("HLEN", keys.locks), RedisCommand("LLEN", keys.free),
      RedisCommand("XLEN", keys.outbox),
    ])
    for case .error(let error) in replies { throw error }
    guard let fields = replies[0].elements, let state = fields[0].text else { return nil }
    return View(
      state: state, total: fields[1].text ?? "", used: fields[2].text ?? "",
      epoch: fields[3].text ?? "", locks: replies[1].int ?? 0, free: replies[2].int ?? 0,
      outbox: replies[3].int ?? 0)
  }

  private func answer(_ script: RedisScript, _ id: ActivityID, _ arguments: [String]) throws
    -> RedisAnswer
  {
    let reply = try connection.pipeline([
      .script(script, keys: RedisKeys(id).all, arguments: arguments)
    ])[0]
    if let error = reply.error { throw error }
    guard let elements = reply.elements, elements.count == 2, let word = elements[0].text,
      let detail = elements[1].text
    else {
      throw CommandError(.unavailable, "Redis answered \(script.name) with something else")
    }
    return RedisAnswer(word: word, detail: detail)
  }
}

/// What a script of the worker's answers: a word and what it is about.
struct RedisAnswer: Equatable, Sendable, CustomStringConvertible {
  let word: String
  let detail: String

  var description: String { detail.isEmpty ? word : "\(word) \(detail)" }
}
