/// Processes stay within their bounds.
func checkBounds(_ facts: Facts, _ findings: inout Findings) {
  var kinds: Set<String> = []
  for sample in facts.evidence.samples.processes {
    kinds.insert(sample.kind)
    guard let bounds = facts.round.bounds[sample.kind] else { continue }
    for (rule, value, bound) in [
      (Rule.resident, sample.rssKB, bounds.rssKB),
      (Rule.descriptors, sample.descriptors, bounds.descriptors),
      (Rule.threads, sample.threads, bounds.threads),
    ] where value > bound {
      findings.add(rule, "\(sample.name) has \(value), not \(bound)")
    }
  }
  for kind in Set(facts.round.bounds.keys).symmetricDifference(kinds).sorted() {
    findings.problem(
      kinds.contains(kind) ? "no bounds of \(kind)" : "no process of \(kind) was looked at")
  }
  if facts.round.bounds.isEmpty { findings.problem("no bounds of processes") }
}
