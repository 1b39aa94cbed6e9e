import Threads

/// Gathers findings while a reconciliation goes on, and has them repaired some at a time.
final class Ledger {
  private static let settleLimit = 1_000

  var report = ReconcileReport()
  private var found: [Finding] = []
  /// nil: nothing is repaired.
  private let repairer: Repairer?
  private let firstSeen: Reconciler.FirstSeen

  init(_ repairer: Repairer?, _ firstSeen: Reconciler.FirstSeen) {
    self.repairer = repairer
    self.firstSeen = firstSeen
  }

  func tell(_ finding: Finding) {
    var finding = finding
    if finding.difference.sinceMs == nil {
      finding.difference.sinceMs = firstSeen[finding.difference.key] ?? wallClockMs()
    }
    found.append(finding)
    if found.count >= Self.settleLimit { settle() }
  }

  /// Repairs what was told since the last time, and reports it.
  func settle(repairing: Bool = true) {
    if repairing { repairer?.repair(&found) }
    for finding in found { report.add(finding) }
    found.removeAll()
  }
}
