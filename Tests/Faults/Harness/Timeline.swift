import Foundation
import TestSupport
import Threads

/// What happened in a round, noted as it happens.
final class Timeline: Sendable {
  struct Entry: Sendable {
    /// On the monotonic clock.
    let us: Int64
    let text: String
  }

  /// To tell the time of a log line on the monotonic clock.
  private let wallMinusMonotonicUs: Int64
  private let entries = Lock<[Entry]>([])

  init() {
    wallMinusMonotonicUs = wallClockMs() * 1_000 - MonotonicTime.now.nanoseconds / 1_000
  }

  func note(_ text: String) {
    let entry = Entry(us: nowUs(), text: text)
    entries.withLock { $0.append(entry) }
  }

  /// The notes and the logs in one, by time. Lines of the daily run are left out, and of the crowd's answers all but those that
  /// tell of trouble, at most `answerLimit`; without `toldFromUs` nobody knows when they were.
  func merged(logs: [(name: String, text: String)], told: String, toldFromUs: Int64?) -> String {
    var all = entries.withLock { $0 }
    for (name, text) in logs { all += logEntries(name, text) }
    if let toldFromUs { all += answerEntries(told, toldFromUs) }
    let start = all.map(\.us).min() ?? 0
    return all.sorted { $0.us < $1.us }.map { entry in
      let ms = Double(entry.us - start) / 1_000
      return String(format: "%10.1f  ", ms) + entry.text
    }.joined(separator: "\n") + "\n"
  }

  private static let answerLimit = 2_000

  private func logEntries(_ name: String, _ text: String) -> [Entry] {
    text.split(separator: "\n").compactMap { line in
      if line.contains("\"event\":\"stats\"") { return nil }
      guard let date = logTime(of: line) else { return Entry(us: 0, text: "\(name): \(line)") }
      let us = Int64(date.timeIntervalSince1970 * 1e6) - wallMinusMonotonicUs
      return Entry(us: us, text: "\(name): \(line)")
    }
  }

  private func answerEntries(_ told: String, _ fromUs: Int64) -> [Entry] {
    var entries: [Entry] = []
    for line in told.split(separator: "\n") where entries.count < Self.answerLimit {
      guard !line.contains("\"answer\":\"claimed\""), !line.contains("\"answer\":\"released\""),
        !line.contains("\"answer\":\"refused\""),
        let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)),
        let fields = object as? [String: Any], let sent = fields["sentUs"] as? Int64,
        let latency = fields["latencyUs"] as? Int64
      else { continue }
      entries.append(Entry(us: fromUs + sent + latency, text: "crowd: \(line)"))
    }
    return entries
  }
}

/// The monotonic clock, in microseconds.
func nowUs() -> Int64 { MonotonicTime.now.nanoseconds / 1_000 }
