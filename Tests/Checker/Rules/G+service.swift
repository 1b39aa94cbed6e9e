// DESIGN
// What goes on elsewhere proves nothing of an instance that was hit: where an injury names its victims, each of them has to
// be seen at work, whatever the others do.
// Of several injuries that overlap, each may be what keeps service away: then they count as one, that ended with the last
// of them, and the longest of their times is given. What begins only when that time is over excuses nothing.

/// Service comes back within the stated time. Gives for each injury how long it took.
func checkService(_ facts: Facts, _ findings: inout Findings) -> [Int?] {
  let claims = newClaims(facts)
  let interrupting = facts.round.injuries.filter { $0.back != "none" }
  return facts.round.injuries.map { injury in
    if injury.back == "none" { return nil }
    let needed = Work.needed(after: injury)
    var group = Span(injury)
    var seen: [Int64?]
    while true {
      seen = needed.map { $0.seen(facts, claims, after: group.healedUs) }
      let wider = interrupting.reduce(group) { $0.joined($1, until: latest(seen) ?? .max) }
      if wider == group { break }
      group = wider
    }
    guard let backUs = latest(seen) else {
      for (work, us) in zip(needed, seen) where us == nil {
        findings.add(.neverBack, "\(work.text) after \(injury.name)")
      }
      return nil
    }
    let ms = Int((backUs - group.healedUs) / 1_000)
    findings.expect(
      ms <= group.withinMs, .backTooLate,
      "\(injury.back) after \(injury.name): \(ms) ms, not \(group.withinMs)")
    return ms
  }
}

/// When the last of all was seen; nil if one never was.
private func latest(_ seen: [Int64?]) -> Int64? {
  seen.contains(nil) ? nil : seen.compactMap(\.self).max()
}

/// Something that has to be seen done again.
private enum Work {
  /// A claim made by this DrawService, or by any.
  case draw(service: Int?)
  /// A message of this partition applied, or of any.
  case apply(partition: Int?)

  static func needed(after injury: Round.Injury) -> [Work] {
    var all = injury.services.map { Work.draw(service: $0) }
    all += injury.partitions.map { Work.apply(partition: $0) }
    if injury.back == "draws", injury.services.isEmpty { all.append(.draw(service: nil)) }
    if injury.back == "worker", injury.partitions.isEmpty { all.append(.apply(partition: nil)) }
    return all
  }

  var text: String {
    switch self {
    case .draw(let service): "draws" + (service.map { " of service \($0)" } ?? "")
    case .apply(let partition): "worker" + (partition.map { " of partition \($0)" } ?? "")
    }
  }

  func seen(_ facts: Facts, _ claims: [NewClaim], after us: Int64) -> Int64? {
    switch self {
    case .draw(let service):
      claims.first { $0.sentUs >= us && $0.service == service ?? $0.service }?.answeredUs
    case .apply(let partition): applied(partition, facts, after: us)
    }
  }

  /// The first look that shows that the offset grows again, or that there is nothing left to apply.
  private func applied(_ partition: Int?, _ facts: Facts, after us: Int64) -> Int64? {
    func part(_ all: [Int: Int]) -> Int {
      partition.map { all[$0] ?? 0 } ?? all.values.reduce(0, +)
    }
    let looks = facts.evidence.samples.postgres.lazy.filter { $0.us >= us }
      .map { (us: $0.us, offset: part($0.offsets)) }
    guard let first = looks.first else { return nil }
    let end = part(facts.evidence.history.ends)
    return looks.first { $0.offset > first.offset || $0.offset == end }?.us
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

  private var lastUs: Int64 { healedUs + Int64(withinMs) * 1_000 }

  /// With another that may have kept service away until `backUs`.
  func joined(_ injury: Round.Injury, until backUs: Int64) -> Span {
    let other = Span(injury)
    guard injury.startUs <= min(backUs, lastUs), other.lastUs >= healedUs else { return self }
    var both = self
    both.healedUs = max(healedUs, other.healedUs)
    both.withinMs = max(withinMs, other.withinMs)
    return both
  }
}

/// A claim that was made for the call that was told of it. Times on the monotonic clock.
private struct NewClaim {
  let service: Int
  let sentUs, answeredUs: Int64
}

/// By the times of their answers.
private func newClaims(_ facts: Facts) -> [NewClaim] {
  facts.evidence.told.compactMap { told in
    guard case .claimed(_, replayed: false) = told.answer, told.call == .ask else { return nil }
    let from = facts.round.toldFromUs
    return NewClaim(
      service: told.service, sentUs: from + Int64(told.sentUs),
      answeredUs: from + Int64(told.answeredUs))
  }.sorted { $0.answeredUs < $1.answeredUs }
}
