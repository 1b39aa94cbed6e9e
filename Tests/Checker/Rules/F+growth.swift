// DESIGN
// Two things may look like steps back and are none. A recoverer that was stopped for long may write its epoch into the
// control topic, and its barriers, behind those of a later one: the highest counts. And a Redis that was restored from an
// older file shows an older seq, while it is fenced: only if it goes on from there has it been trusted.

/// Offsets, seqs, barriers and epochs only grow.
func checkGrowth(_ facts: Facts, _ findings: inout Findings) {
  checkPostgresSamples(facts, &findings)
  checkRedisSamples(facts, &findings)
  checkSlots(facts, &findings)
  checkSeqs(facts, &findings)
  checkAnnounced(facts, &findings)
}

private func checkPostgresSamples(_ facts: Facts, _ findings: inout Findings) {
  let samples = facts.evidence.samples.postgres
  let mayFall = facts.round.allows.contains("offsetsFallBack")
  for (one, next) in zip(samples, samples.dropFirst()) {
    findings.expect(
      next.epoch >= one.epoch, .epochFell,
      "from \(one.epoch) to \(next.epoch) at \(next.us) us")
    if mayFall { continue }
    for (rule, before, after) in [
      (Rule.offsetFell, one.offsets, next.offsets), (Rule.barrierFell, one.barriers, next.barriers),
    ] {
      for (partition, value) in before.sorted(by: { $0.key < $1.key })
      where after[partition] ?? 0 < value {
        findings.add(
          rule,
          "partition \(partition) from \(value) to \(after[partition] ?? 0) at \(next.us) us")
      }
    }
  }
}

private func checkRedisSamples(_ facts: Facts, _ findings: inout Findings) {
  struct Key: Hashable { let activity, epoch: Int }
  var highest: [Key: Int] = [:]
  var last: [Key: Int] = [:]
  for sample in facts.evidence.samples.redis {
    let key = Key(activity: sample.activity, epoch: sample.epoch)
    if let before = last[key], before < sample.seq, before < highest[key]! {
      findings.add(
        .seqWentOnFromOlder,
        "\(sample.activity) in epoch \(sample.epoch): \(highest[key]!), \(before), \(sample.seq)")
    }
    last[key] = sample.seq
    highest[key] = max(highest[key] ?? 0, sample.seq)
  }
  for activity in facts.round.activities {
    let seqs = facts.valid.map(\.event).filter { $0.slot.activity == activity.id }.map(\.seq)
    let seq = facts.evidence.redis[activity.id]!.number("seq") ?? 0
    findings.expect(
      seq >= seqs.max() ?? 0, .seqBelowTopic,
      "\(activity.id): \(seq), and \(seqs.max() ?? 0)")
  }
}

/// A slot's events come in the order in which Redis made them, but for repeats, and in one partition.
private func checkSlots(_ facts: Facts, _ findings: inout Findings) {
  for (slot, events) in facts.bySlot.sorted(by: { $0.key < $1.key }) {
    for (one, next) in zip(events, events.dropFirst()) {
      findings.expect(
        one.place.partition == next.place.partition, .slotInTwoPartitions,
        "\(slot) at \(one.place) and \(next.place)")
      findings.expect(
        one.place.partition != next.place.partition
          || (one.event.epoch, one.event.seq) <= (next.event.epoch, next.event.seq),
        .outOfOrder, "\(next.event) at \(next.place), after \(one.event)")
    }
  }
}

/// An activity's seq belongs to one event, and goes on above what the epoch before reached.
private func checkSeqs(_ facts: Facts, _ findings: inout Findings) {
  for activity in facts.round.activities {
    let events = facts.valid.map(\.event).filter { $0.slot.activity == activity.id }
      .sorted { ($0.epoch, $0.seq) < ($1.epoch, $1.seq) }
    for (one, next) in zip(events, events.dropFirst()) {
      if one.epoch == next.epoch {
        findings.expect(
          one.seq < next.seq, .seqOfTwoEvents, "\(one), and \(next)")
      } else {
        findings.expect(
          one.seq < next.seq, .seqNotAboveEpoch, "\(one), then \(next)")
      }
    }
  }
}

/// Nothing bears an epoch that no recovery has announced, and Postgres knew of it first.
private func checkAnnounced(_ facts: Facts, _ findings: inout Findings) {
  let (control, postgres) = (facts.evidence.control, facts.evidence.postgres)
  let used = Set(facts.valid.map(\.event.epoch))
  for epoch in used.sorted() where epoch > 1 && !control.epochs.contains(epoch) {
    findings.add(.epochUnannounced, "\(epoch)")
  }
  for epoch in used.union(control.epochs).sorted() where epoch > postgres.epoch {
    findings.add(.epochAbovePostgres, "\(epoch), and Postgres is at \(postgres.epoch)")
  }
}
