import Foundation

extension Report {
  var json: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    // Numbers, strings and booleans only: this cannot fail.
    return String(decoding: try! encoder.encode(self), as: UTF8.self) + "\n"
  }

  var table: String {
    var rows: [(String, String)] = [
      ("activity", "\(activity), stock \(stock), seed \(seed)"),
      ("asked", "\(asked) times, \(draws) draws of \(users) users in \(decimal(durationS)) s"),
      ("claimed", "\(claimed), of which \(held) still held"),
      ("replayed", "\(replayed)"),
      ("released", "\(released)"),
      ("refused", list(refused)),
      ("pending", "\(pending) answers, \(undecided) draws undecided in the end"),
      ("503", list(later)),
      ("no answer", list(unknown)),
      ("distinct slots", "\(distinctSlots)"),
      ("duplicates", "\(duplicates)"),
    ]
    if let redisLocks, let postgresClaims, let surplus {
      rows += [
        ("Redis locks", "\(redisLocks)"), ("Postgres claims", "\(postgresClaims)"),
        ("surplus", "\(surplus)"),
        (
          "lag",
          "\(lag ?? 0) events, outbox \(outbox ?? 0), dead letters \(deadLetters ?? 0)"
            + (caughtUpMs.map { ", caught up after \($0) ms" } ?? "")
        ),
      ]
    }
    rows += [
      ("draws/s accepted", "\(Int(claimsPerSecond)) (until the first sold_out)"),
      ("latency accepted", line(accepted)),
      ("until decided", line(decided)),
    ]
    let text = rows.map { "  \(padded($0.0)) \($0.1)\n" }.joined()
    return text + "\n" + promises.map(line).joined()
      + (unfinished.map { "\nnot finished: \($0)\n" } ?? "")
  }

  private func line(_ promise: Line) -> String {
    let verdict = promise.isKept ? (promise.isChecked ? "ok    " : "-     ") : "BROKEN"
    let more = promise.isKept && !promise.isChecked ? " (not checked)" : ""
    var text = "\(verdict) \(promise.promise) \(promise.title)\(more)\n"
    for finding in promise.findings { text += "         \(finding)\n" }
    let left = promise.count - promise.findings.count
    if left > 0 { text += "         and \(left) more\n" }
    return text
  }

  private func line(_ points: Percentiles) -> String {
    if points.count == 0 { return "none" }
    func ms(_ us: Int) -> String { decimal(Double(us) / 1_000) }
    return "p50 \(ms(points.p50Us)) p90 \(ms(points.p90Us)) p99 \(ms(points.p99Us)) "
      + "p99.9 \(ms(points.p999Us)) max \(ms(points.maxUs)) ms (\(points.count))"
  }

  private func list(_ counts: [String: Int]) -> String {
    let total = counts.values.reduce(0, +)
    if total == 0 { return "0" }
    let parts = counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
    return "\(total): " + parts.joined(separator: ", ")
  }

  private func padded(_ name: String) -> String {
    name + String(repeating: " ", count: max(0, 18 - name.count))
  }

  private func decimal(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10)"
  }
}
