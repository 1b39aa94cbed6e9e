/// Postgres is exactly what the topic says up to its offsets.
func checkTables(_ facts: Facts, _ findings: inout Findings) {
  let (postgres, replay) = (facts.evidence.postgres, facts.replay)
  compare(replay.claims, postgres.claims, .claimRow, &findings)
  compare(replay.released, postgres.released, .releasedRow, &findings)
  for (partition, position) in postgres.positions.sorted(by: { $0.key < $1.key }) {
    let end = facts.evidence.history.ends[partition] ?? 0
    findings.expect(
      position.next <= end, .offsetBeyondTopic,
      "partition \(partition) is at \(position.next) of \(end)")
    let barrier = replay.positions[partition]?.barrier ?? 0
    findings.expect(
      position.barrier == barrier, .barrierEpoch,
      "partition \(partition) has \(position.barrier), not \(barrier)")
  }
  for activity in facts.round.activities {
    guard let row = postgres.activities[activity.id] else {
      findings.add(.activityMissing, "\(activity.id)")
      continue
    }
    findings.expect(
      row.total == activity.stock, .stockInPostgres, "\(row.total), not \(activity.stock)")
    findings.expect(
      row.limit == activity.limit, .limitInPostgres, "\(row.limit), not \(activity.limit)")
  }
  for (id, row) in postgres.activities.sorted(by: { $0.key < $1.key }) {
    let held = postgres.claims.filter { $0.key.activity == id && $0.value.isHeld }.count
    findings.expect(
      row.surplus == row.total - held, .surplus,
      "\(row.surplus) of \(id), not \(row.total) - \(held)")
  }
  checkLetters(facts, &findings)
}

private func compare<Key: Hashable & CustomStringConvertible, Value: Equatable>(
  _ expected: [Key: Value], _ found: [Key: Value], _ rule: Rule, _ findings: inout Findings
) {
  for key in Set(expected.keys).union(found.keys).sorted(by: { "\($0)" < "\($1)" }) {
    func text(_ value: Value?) -> String { value.map { "\($0)" } ?? "nothing" }
    findings.expect(
      expected[key] == found[key], rule,
      "\(key) is \(text(found[key])), and \(text(expected[key])) by the topic")
  }
}

/// Dead letters are those that the topic makes, and of these nobody planted are void alone.
private func checkLetters(_ facts: Facts, _ findings: inout Findings) {
  let found = Dictionary(
    facts.evidence.postgres.letters.map { ($0.place, $0.reason) }, uniquingKeysWith: { $1 })
  let planted = Dictionary(
    facts.round.planted.map {
      (Place(partition: $0.partition, offset: $0.offset), $0.reason)
    }, uniquingKeysWith: { $1 })
  var expected: [Place: String] = [:]
  for letter in facts.replay.letters {
    expected[letter.place] = letter.reason
    if found[letter.place] == nil && letter.isRepeat { continue }
    findings.expect(
      found[letter.place] == letter.reason, .deadLetter,
      "\(letter.place) is \(found[letter.place] ?? "none"), and \(letter.reason) by the topic")
    let isExpected = letter.reason == "void_epoch" || planted[letter.place] == letter.reason
    findings.expect(
      isExpected, .deadLetterUnplanted, "\(letter.place): \(letter.reason)")
  }
  for (place, reason) in found.sorted(by: { $0.key < $1.key }) where expected[place] == nil {
    findings.add(.deadLetterOfGood, "\(place): \(reason)")
  }
  for (place, reason) in planted.sorted(by: { $0.key < $1.key }) where expected[place] != reason {
    findings.problem(
      "\(place) was planted as \(reason), and is \(expected[place] ?? "none") by the topic")
  }
}
