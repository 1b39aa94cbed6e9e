// DESIGN
// Of several injuries that overlap, each may be what keeps service away: then they count as one, that ended with the last
// of them, and the longest of their times is given.

/// Service comes back within the stated time. Gives for each injury how long it took.
func checkService(_ facts: Facts, _ findings: inout Findings) -> [Int?] {
  let claims = newClaims(facts)
  return facts.round.injuries.map { injury in
    if injury.back == "none" { return nil }
    var group = Span(injury)
    var backUs: Int64?
    while true {
      backUs =
        injury.back == "draws"
        ? claims.first { $0.sentUs >= group.healedUs }?.answeredUs
        : workerBack(facts, after: group.healedUs)
      let wider = facts.round.injuries.reduce(group) { $0.joined($1, until: backUs ?? .max) }
      if wider == group { break }
      group = wider
    }
    guard let backUs else {
      findings.add(.neverBack, "\(injury.back) after \(injury.name)")
      return nil
    }
    let ms = Int((backUs - group.healedUs) / 1_000)
    findings.expect(
      ms <= group.withinMs, .backTooLate,
      "\(injury.back) after \(injury.name): \(ms) ms, not \(group.withinMs)")
    return ms
  }
}

/// Injuries as one.
private struct Span: Equatable {
  var healedUs: Int64
  var withinMs: Int

  init(_ injury: Round.Injury) {
    healedUs = injury.healedUs == 0 ? injury.startUs : injury.healedUs
    withinMs = injury.backWithinMs
  }

  /// With another that may have kept service away until `backUs`.
  func joined(_ injury: Round.Injury, until backUs: Int64) -> Span {
    let other = Span(injury)
    guard injury.startUs <= backUs, other.healedUs + Int64(other.withinMs) * 1_000 >= healedUs
    else { return self }
    var both = self
    both.healedUs = max(healedUs, other.healedUs)
    both.withinMs = max(withinMs, other.withinMs)
    return both
  }
}

/// Claims that were made for the call that was told of them, by the times of their sending on the monotonic clock.
private func newClaims(_ facts: Facts) -> [(sentUs: Int64, answeredUs: Int64)] {
  facts.evidence.told.compactMap { told in
    guard case .claimed(_, replayed: false) = told.answer, told.call == .ask else { return nil }
    let from = facts.round.toldFromUs
    return (from + Int64(told.sentUs), from + Int64(told.answeredUs))
  }.sorted { $0.answeredUs < $1.answeredUs }
}

/// The first look that shows that the offsets grow again, or that there is nothing left to apply.
private func workerBack(_ facts: Facts, after us: Int64) -> Int64? {
  let samples = facts.evidence.samples.postgres.filter { $0.us >= us }
  guard let first = samples.first else { return nil }
  let end = facts.evidence.history.ends.values.reduce(0, +)
  return samples.first { $0.offsetSum > first.offsetSum || $0.offsetSum == end }?.us
}
