import Foundation
import Glibc

/// How long what is gone stays gone.
enum Timing {
  /// Of the outages that the table gives a minute, seconds: `FAULTS_OUTAGE_S`, 60 if it is not set.
  static let outageS: Double = {
    let given = ProcessInfo.processInfo.environment["FAULTS_OUTAGE_S"]
    return given.flatMap(Double.init).map { min(max($0, 1), 600) } ?? 60
  }()

  /// Lets a fault be as long as it is to be: until so many milliseconds after `beginUs`. It waits for nothing else.
  static func last(ms: Int, since beginUs: Int64 = nowUs()) {
    let restUs = beginUs + Int64(ms) * 1_000 - nowUs()
    if restUs > 0 { usleep(UInt32(restUs)) }
  }
}
