import Foundation
import TestSupport

/// The table of `deploy/docs/faults.md`, from the rounds and the names of the rows. Rounds that proved nothing are not counted,
/// but what they violated is, and how many that count have followed without a violation.
func table(_ rounds: [RecordedRound]) -> String {
  var lines = [
    "| # | fault | rounds | not counted | violations | back in service: median, worst | command |",
    "|---|---|---|---|---|---|---|",
  ]
  for row in 1...27 {
    let all = rounds.filter { $0.row == row }
    let its = all.filter(\.isProof)
    let names = catalogue.filter { $0.row == row }.map(\.name)
    let back = its.flatMap(\.backMs).sorted()
    let times =
      back.isEmpty ? "—" : "\(seconds(back[back.count / 2])), \(seconds(back[back.count - 1]))"
    let count = notHere[row].map { "0: \($0)" } ?? "\(its.count)"
    lines.append(
      "| \(row) | \(rowNames[row - 1]) (\(names.map { "`\($0)`" }.joined(separator: ", "))) | \(count) | "
        + "\(all.count - its.count) | \(violations(all)) | \(times) | `deploy/faults --row \(row)` |"
    )
  }
  return lines.joined(separator: "\n")
}

private func violations(_ rounds: [RecordedRound]) -> String {
  guard let last = rounds.lastIndex(where: { $0.violations > 0 }) else { return "0" }
  let sum = rounds.reduce(0) { $0 + $1.violations }
  return "\(sum); 0 in the \(rounds[(last + 1)...].count(where: \.isProof)) since"
}

private func seconds(_ ms: Int) -> String { String(format: "%.1f s", Double(ms) / 1_000) }

private let begin = "<!-- rounds:begin -->\n"
private let end = "\n<!-- rounds:end -->"
let faultsPage = projectDirectory + "/deploy/docs/faults.md"

/// Writes the table into the page, between its marks.
func writeTable() throws {
  let page = try String(contentsOfFile: faultsPage, encoding: .utf8)
  guard let from = page.range(of: begin), let to = page.range(of: end) else {
    throw TestSupportError("\(faultsPage) has no marks for the table")
  }
  let text = page[..<from.upperBound] + table(try RoundsFile.read()) + page[to.lowerBound...]
  try String(text).write(toFile: faultsPage, atomically: true, encoding: .utf8)
}

/// What the rows are called.
let rowNames = [
  "SIGKILL of a DrawService, at each step of a claim",
  "SIGKILL of a worker before COMMIT, with COMMIT unanswered, and after it",
  "SIGSTOP of a worker past its session timeout, then on",
  "SIGKILL and restart of Redis, AOF `everysec` and `always`",
  "Redis restored from an older file, or from one with its tail cut",
  "FLUSHALL; Redis started empty",
  "Failover to a lagging replica while the old primary still serves",
  "SCRIPT FLUSH in the middle of pipelines",
  "Redis answers OOM, BUSY, READONLY, LOADING",
  "Replies lost, late, in 1-byte slices, connections reset",
  "Kafka gone for 60 s",
  "Produced but not acknowledged; producer dead for good",
  "Leader and coordinator moves, error codes, 2 s round trips",
  "Rebalance storm: a worker joins or leaves every second",
  "Postgres killed, restarted, a backend ended at COMMIT",
  "Postgres gone 60 s, read-only, lock wait, deadlock, too many clients",
  "Postgres crash with asynchronous commit",
  "Poison in the topic",
  "The same slot and seq for another request",
  "Duplicates, reordering, replay of the whole topic",
  "A claim of an old epoch after its barrier",
  "The clock of one process ±1 h",
  "HTTP: fuzz, slow clients, oversize, repeated and mismatched keys",
  "Ten times overload on one activity",
  "SIGTERM under load",
  "Full disk under the logs, descriptors exhausted",
  "Two to four of these at random",
]
