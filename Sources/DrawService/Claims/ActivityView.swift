internal import RedisClient

/// An activity as Redis holds it.
struct ActivityView: Sendable, Equatable {
  let state: String
  let total: Int64
  let left: Int64
  let opensMs: Int64
  let closesMs: Int64
  let limit: Int64
}

extension ActivityView {
  /// Values that the look script puts between head and items: state, total, locks, opens, closes, limit.
  static let width = 6

  init?(_ script: ScriptReply) {
    guard let state = script.value(0)?.text, let total = script.value(1)?.int,
      let locks = script.value(2)?.int, let opensMs = script.value(3)?.int,
      let closesMs = script.value(4)?.int, let limit = script.value(5)?.int
    else { return nil }
    let (left, overflows) = total.subtractingReportingOverflow(locks)
    if overflows { return nil }
    self.init(
      state: state, total: total, left: left, opensMs: opensMs, closesMs: closesMs,
      limit: limit)
  }
}
