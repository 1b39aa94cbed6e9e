internal import RedisClient

/// The settings of Redis that the promises rest on, as CONFIG GET tells them: a value, decided without I/O.
struct RedisSettings: Equatable {
  static let command = RedisCommand("CONFIG", "GET", "maxmemory-policy", "append*")

  private var values: [String: String] = [:]

  /// nil when it is no reply of CONFIG GET: it may be forbidden.
  init?(_ reply: RedisReply) {
    guard let texts = reply.elements?.map(\.text), texts.count.isMultiple(of: 2), !texts.isEmpty
    else { return nil }
    for place in stride(from: 0, to: texts.count, by: 2) {
      values[texts[place] ?? ""] = texts[place + 1]
    }
  }

  /// Without it nothing may be served: an evicted outbox would read as `claimed`.
  var isUnsafe: Bool { policy != "noeviction" }
  var policy: String { values["maxmemory-policy"] ?? "unknown" }

  /// What loses more than it has to when Redis goes down; what is lost is recovered, but that is a pause.
  var doubts: [(setting: String, value: String, wanted: String)] {
    if values["appendonly"] == "no" { return [("appendonly", "no", "yes")] }
    if values["appendfsync"] == "no" { return [("appendfsync", "no", "everysec")] }
    return []
  }
}
