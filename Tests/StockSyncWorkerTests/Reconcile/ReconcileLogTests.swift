import Log
import Testing
import Threads

@testable import StockSyncWorker

/// Which differences get a line in the log, run after run.
@Suite struct ReconcileLogTests {
  private let log = Log(service: "test", instance: "test", level: .alarm)

  private func finding(_ kind: Difference.Kind, _ slot: Int64, seq: Int64 = 1, detail: String = "")
    -> Finding
  {
    Finding(
      difference: Difference(
        kind: kind, activity: 1, slot: slot, side: .both, seq: seq, detail: detail))
  }

  private func report(_ findings: [Finding], notJudged: String? = nil) -> ReconcileReport {
    var report = ReconcileReport()
    for finding in findings { report.add(finding) }
    report.notJudged = notJudged
    return report
  }

  @Test func alarmsComeFirstAndInMeasure() {
    var reconcileLog = ReconcileLog(log: log)
    let warnings = (Int64(1)...2_000).map { finding(.redisOnly, $0) }
    let alarms = (Int64(1)...50).map { finding(.otherHolder, $0) }
    let others = (Int64(1)...3).map { finding(.lockUnreadable, $0) }
    let due = reconcileLog.due(report(warnings + alarms + others), nowMs: 0)
    #expect(due.count == 1_000)
    #expect(due.prefix(23) == (alarms.prefix(20) + others))
    #expect(due[23] == warnings[0])
    log.close(until: .after(ms: 1_000))
  }

  @Test func unchangedOnesComeAgainAfterAnHour() {
    var reconcileLog = ReconcileLog(log: log)
    let all = [finding(.otherHolder, 1), finding(.redisOnly, 2)]
    #expect(reconcileLog.due(report(all), nowMs: 0) == all)
    // What a detail says may move on by itself.
    let moved = [finding(.otherHolder, 1, detail: "later"), finding(.redisOnly, 2)]
    #expect(reconcileLog.due(report(moved), nowMs: 60_000) == [])
    #expect(reconcileLog.due(report([], notJudged: "stopped"), nowMs: 90_000) == [])
    let changed = finding(.otherHolder, 1, seq: 2)
    #expect(reconcileLog.due(report([changed, all[1]]), nowMs: 120_000) == [changed])
    #expect(reconcileLog.due(report([changed, all[1]]), nowMs: 3_600_000) == [all[1]])
    // Gone and there again.
    #expect(reconcileLog.due(report([]), nowMs: 3_700_000) == [])
    #expect(reconcileLog.due(report(all), nowMs: 3_800_000) == all)
    // A repair is said whenever it is made.
    var repaired = all[1]
    repaired.repair = .done("published again")
    for nowMs in [Int64(3_900_000), 3_900_001] {
      #expect(reconcileLog.due(report([repaired]), nowMs: nowMs) == [repaired])
    }
    log.close(until: .after(ms: 1_000))
  }

  @Test func aFloodOfWarningsDisplacesNoAlarm() {
    var report = ReconcileReport()
    for slot in Int64(1)...11_000 { report.add(finding(.redisOnly, slot)) }
    for slot in Int64(1)...50 { report.add(finding(.otherHolder, slot)) }
    #expect(report.findings.count == ReconcileReport.findingLimit + ReconcileLog.alarmLimit)
    #expect(report.differences == 11_050)
    log.close(until: .after(ms: 1_000))
  }
}
