import Foundation

/// How long what is gone stays gone.
enum Timing {
  /// Of the outages that the table gives a minute, seconds: `FAULTS_OUTAGE_S`, 60 if it is not set.
  static let outageS: Double = {
    let given = ProcessInfo.processInfo.environment["FAULTS_OUTAGE_S"]
    return given.flatMap(Double.init).map { min(max($0, 1), 600) } ?? 60
  }()
}
