import Testing

@testable import Crowd

/// Every promise of the table held, the run was whole, and something happened at all.
func expectKept(
  _ report: Report, untilHeld: Bool = true, sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(report.unfinished == nil, sourceLocation: sourceLocation)
  for line in report.promises {
    #expect(line.isKept, "\(line.title): \(line.findings)", sourceLocation: sourceLocation)
  }
  #expect(report.promises.count >= 5, sourceLocation: sourceLocation)
  #expect(report.duplicates == 0, sourceLocation: sourceLocation)
  #expect(report.deadLetters == 0, sourceLocation: sourceLocation)
  if untilHeld {
    #expect(report.distinctSlots == report.stock, sourceLocation: sourceLocation)
    #expect(report.redisLocks == report.stock, sourceLocation: sourceLocation)
    #expect(report.postgresClaims == report.stock, sourceLocation: sourceLocation)
    #expect(report.surplus == 0, sourceLocation: sourceLocation)
  }
}
