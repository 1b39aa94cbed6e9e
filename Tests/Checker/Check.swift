// DESIGN
// The checker shares no code with the services, and nothing with the crowd but the files that it wrote. It reads the
// evidence (Evidence/), works out by itself what the topic means (Topic/), and asks rule by rule whether what must hold
// does (Rules/, a file for each invariant). A rule counts only what is certain: where an outcome was not told, either is right.

/// Decides from the folder of a round alone.
///
/// Throws when evidence is missing or cannot be read: no evidence is no proof.
public func check(_ folder: String) throws -> Verdict {
  let facts = Facts(try Evidence(folder: folder))
  var findings = Findings()
  checkProof(facts, &findings)
  checkHolders(facts, &findings)
  checkPromises(facts, &findings)
  checkRequests(facts, &findings)
  checkTables(facts, &findings)
  checkRest(facts, &findings)
  checkGrowth(facts, &findings)
  let backMs = checkService(facts, &findings)
  checkBounds(facts, &findings)
  return Verdict(
    violations: findings.violations, problems: findings.problems, backMs: backMs,
    counts: facts.counts)
}

extension Facts {
  fileprivate var counts: [String: Int] {
    let stories = stories.all.values
    let entries = evidence.history.entries
    var (events, barriers) = (0, 0)
    for entry in entries {
      if case .event = entry.message { events += 1 }
      if case .barrier = entry.message { barriers += 1 }
    }
    return [
      "answers": evidence.told.count,
      "claimed": stories.filter { $0.slot != nil }.count,
      "released": stories.filter(\.isReleased).count,
      "refused": stories.filter { $0.slot == nil && !$0.refusals.isEmpty }.count,
      "unknown": evidence.told.filter { $0.isOpen && $0.answer != .pending }.count,
      "slots": Set(stories.compactMap(\.slot)).count,
      "events": events, "barriers": barriers,
      "void": replay.letters.filter { $0.reason == "void_epoch" }.count,
      "duplicates": replay.duplicates,
      "deadLetters": evidence.postgres.letters.count, "epoch": evidence.postgres.epoch,
      "samples": evidence.samples.count,
    ]
  }
}
