import Log

/// What a reconciliation leaves in the log.
struct ReconcileLog {
  /// Lines of one reconciliation about single differences; the summary counts the rest.
  private static let lineLimit = 1_000

  let log: Log

  func tell(_ report: ReconcileReport) {
    for finding in report.findings.prefix(Self.lineLimit) { tell(finding) }
    if let reason = report.notJudged {
      log.warning("reconcile_not_judged", ["reason": .string(reason)])
    }
    log.info("reconciled", Self.fields(report))
  }

  private func tell(_ finding: Finding) {
    let difference = finding.difference
    let fields: Log.Fields = [
      "kind": .string(difference.kind.rawValue), "activity": .integer(difference.activity),
      "slot": .integer(difference.slot ?? 0), "side": .string(difference.side.rawValue),
      "since": .string(difference.sinceMs.map { timestamp(ms: $0) } ?? ""),
      "user": .string(difference.user), "request": .string(difference.request),
      "seq": .integer(difference.seq ?? 0), "epoch": .integer(difference.epoch ?? 0),
      "detail": .string(difference.detail), "repair": .string(finding.repairText),
    ]
    if difference.isAlarm {
      log.alarm("reconcile_difference", fields)
    } else {
      log.warning("reconcile_difference", fields)
    }
    if case .done = finding.repair { log.info("reconcile_repaired", fields) }
  }

  private static func fields(_ report: ReconcileReport) -> Log.Fields {
    [
      "activities": .int(report.activities), "slots": .integer(report.slots),
      "suspects": .int(report.suspects), "differences": .int(report.differences),
      "repaired": .int(report.repaired), "kinds": report.kinds,
      "needsRecovery": .bool(report.needsRecovery),
      "notJudged": .string(report.notJudged ?? ""), "tookMs": .integer(report.tookMs),
    ]
  }
}
