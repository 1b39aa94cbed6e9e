/// Whether the round proves anything at all.
func checkProof(_ facts: Facts, _ findings: inout Findings) {
  let (round, report) = (facts.round, facts.evidence.report)
  if round.injuries.isEmpty { findings.problem("nothing was broken") }
  for injury in round.injuries {
    if !injury.isShown { findings.problem("\(injury.name): nothing shows that it happened") }
    if !["draws", "worker", "none"].contains(injury.back) {
      findings.problem("\(injury.name): back '\(injury.back)' is unknown")
    }
    if injury.back == "none", !injury.services.isEmpty || !injury.partitions.isEmpty {
      findings.problem("\(injury.name): names who comes back, and nothing has to")
    }
    for partition in injury.partitions where !(0..<round.partitions).contains(partition) {
      findings.problem("\(injury.name): partition \(partition) is none")
    }
  }
  if !facts.stories.all.values.contains(where: { $0.slot != nil }) {
    findings.problem("nobody was told a slot")
  }
  if let unfinished = report.unfinished { findings.problem("the crowd did not end: \(unfinished)") }
  if report.confirmed == nil { findings.problem("nobody asked again at the end") }
  if facts.evidence.samples.postgres.isEmpty { findings.problem("Postgres was not looked at") }
  if facts.evidence.samples.redis.isEmpty { findings.problem("Redis was not looked at") }
}
