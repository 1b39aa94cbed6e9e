import Foundation
import TestSupport

/// What one instance takes at a moment of rest, and what was left to do then.
struct SoakSample: Sendable, Equatable {
  /// Since the beginning.
  let minute: Double
  /// The sale that has just ended; 0: before the first.
  let sale: Int
  let instance: String
  let pid: Int
  let rssKB, descriptors, threads: Int
  /// Events of this sale that Kafka has not acknowledged; events that no worker has applied.
  let outbox, lag: Int
}

extension SoakSample {
  static let path = projectDirectory + "/Tests/Faults/soak.csv"
  static let header =
    "commit,time,minute,sale,instance,pid,rss_kb,descriptors,threads,outbox,lag"

  func line(commit: String, time: String) -> String {
    let minute = String(format: "%.1f", minute)
    return "\(commit),\(time),\(minute),\(sale),\(instance),\(pid),\(rssKB),\(descriptors),"
      + "\(threads),\(outbox),\(lag)"
  }

  /// The last soak alone.
  static func write(_ samples: [SoakSample], commit: String) throws {
    let time = Date().ISO8601Format()
    let lines = [header] + samples.map { $0.line(commit: commit, time: time) }
    try (lines.joined(separator: "\n") + "\n").write(
      toFile: path, atomically: true, encoding: .utf8)
  }

  /// Of each instance those nearest to the beginning, the middle and the end.
  static func table(_ samples: [SoakSample]) -> String {
    var lines = ["instance   minute     pid   RSS kB  descriptors  threads  outbox  lag"]
    for (instance, its) in byInstance(samples) {
      for sample in marks(its) {
        lines.append(
          instance.padding(toLength: 10, withPad: " ", startingAt: 0)
            + String(
              format: "%7.1f %7d %8d %12d %8d %7d %4d", sample.minute, sample.pid, sample.rssKB,
              sample.descriptors, sample.threads, sample.outbox, sample.lag))
      }
    }
    return lines.joined(separator: "\n")
  }

  static func byInstance(_ samples: [SoakSample]) -> [(String, [SoakSample])] {
    Dictionary(grouping: samples, by: \.instance).sorted { $0.key < $1.key }
      .map { ($0.key, $0.value.sorted { $0.minute < $1.minute }) }
  }

  /// First, middle and last in time; fewer when there are not three.
  private static func marks(_ samples: [SoakSample]) -> [SoakSample] {
    guard let first = samples.first, let last = samples.last, let middle = middle(samples)
    else { return [] }
    return [first, middle, last].reduce(into: []) { if $0.last != $1 { $0.append($1) } }
  }

  /// The one nearest to half of the time.
  static func middle(_ samples: [SoakSample]) -> SoakSample? {
    guard let first = samples.first, let last = samples.last else { return nil }
    let half = (first.minute + last.minute) / 2
    return samples.min { abs($0.minute - half) < abs($1.minute - half) }
  }
}
