import Foundation
import TestSupport

/// Whether a log is whole: nothing dropped, and a line of figures as often as it should be.
enum LogGaps {
  /// Milliseconds of the wall clock.
  typealias Span = ClosedRange<Int64>

  /// `excused`: when something was broken. A line may come so many intervals after the one before, and later when part of that
  /// time is excused.
  static let intervals = 3

  static func findings(_ name: String, _ log: String, everyMs: Int, excused: [Span]) -> [String] {
    var findings: [String] = []
    var last: Int64?
    var lines = 0
    for line in log.split(separator: "\n") {
      if line.contains(#""event":"log_dropped""#) { findings.append("\(name): \(line)") }
      guard line.contains(#""event":"stats""#) else { continue }
      guard let date = logTime(of: line) else {
        findings.append("\(name): a line without a time: \(line.prefix(120))")
        continue
      }
      let ms = Int64(date.timeIntervalSince1970 * 1_000)
      lines += 1
      if let last, ms - last > Int64(everyMs * intervals),
        !excused.contains(where: { $0.overlaps(last...max(last, ms)) })
      {
        findings.append("\(name): no stats line for \(ms - last) ms before \(ms)")
      }
      last = ms
    }
    if lines == 0 { findings.append("\(name): no stats line at all") }
    return findings
  }
}
