// DESIGN
// The same differences are found at every run for as long as nobody has set them right. A person is told of each when
// it is first seen or has changed, and then once an hour; the summary counts all of them by kind each time. What is
// for a person now comes before what is not, and a flood of one kind hides neither the log nor another kind.

import Log
import Threads

/// What a process' reconciliations leave in the log.
struct ReconcileLog {
  /// Lines of one reconciliation about single differences, and how many of them alarms of one kind.
  private static let lineLimit = 1_000
  static let alarmLimit = 20
  private static let againMs: Int64 = 3_600_000

  /// A difference as it was told.
  private struct Told {
    var request: String
    var seq: Int64?
    var epoch: Int64?
    var repair: Finding.Repair
    var atMs: Int64
  }

  let log: Log
  private var told: [Difference.Key: Told] = [:]

  init(log: Log) { self.log = log }

  mutating func tell(_ report: ReconcileReport) {
    let due = due(report, nowMs: wallClockMs())
    for finding in due { tell(finding) }
    if let reason = report.notJudged {
      log.warning("reconcile_not_judged", ["reason": .string(reason)])
    }
    log.info("reconciled", Self.fields(report, logged: due))
  }

  /// The findings to log now, alarms first; all of them count as told.
  mutating func due(_ report: ReconcileReport, nowMs: Int64) -> [Finding] {
    let fresh = report.findings.filter { isFresh($0, nowMs) }
    let present = Set(report.findings.map(\.difference.key))
    // What was not judged this time may still be there.
    let mayForget = report.notJudged == nil || told.count > ReconcileReport.findingLimit
    if mayForget { told = told.filter { present.contains($0.key) } }
    for finding in fresh {
      let difference = finding.difference
      told[difference.key] = Told(
        request: difference.request, seq: difference.seq, epoch: difference.epoch,
        repair: finding.repair, atMs: nowMs)
    }
    var alarms: [Difference.Kind: Int] = [:]
    let urgent = fresh.filter {
      if !$0.difference.isAlarm { return false }
      alarms[$0.difference.kind, default: 0] += 1
      return alarms[$0.difference.kind]! <= Self.alarmLimit
    }
    return Array((urgent + fresh.filter { !$0.difference.isAlarm }).prefix(Self.lineLimit))
  }

  private func isFresh(_ finding: Finding, _ nowMs: Int64) -> Bool {
    let difference = finding.difference
    // What was changed is always said.
    if case .done = finding.repair { return true }
    guard let told = told[difference.key] else { return true }
    return nowMs - told.atMs >= Self.againMs || told.request != difference.request
      || told.seq != difference.seq || told.epoch != difference.epoch
      || told.repair != finding.repair
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

  private static func fields(_ report: ReconcileReport, logged: [Finding]) -> Log.Fields {
    [
      "activities": .int(report.activities), "slots": .integer(report.slots),
      "suspects": .int(report.suspects), "differences": .int(report.differences),
      "repaired": .int(report.repaired), "kinds": report.kinds,
      "unlogged": unlogged(report, logged),
      "needsRecovery": .bool(report.needsRecovery),
      "notJudged": .string(report.notJudged ?? ""), "tookMs": .integer(report.tookMs),
    ]
  }

  /// How many of each kind have no line of their own now.
  private static func unlogged(_ report: ReconcileReport, _ logged: [Finding]) -> LogValue {
    var rest = report.counts
    for finding in logged { rest[finding.difference.kind, default: 0] -= 1 }
    return .object(
      rest.filter { $0.value > 0 }.map { ($0.key.rawValue, .int($0.value)) }
        .sorted { $0.0 < $1.0 })
  }
}
