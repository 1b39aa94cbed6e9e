import Foundation
import Glibc
import TestSupport

// DESIGN
// What a COMMIT with synchronous_commit off has not yet handed to the system is lost with the server's processes. Its
// WAL writer hands over each page as it fills, so little would be: stopped, it hands over nothing, as on a machine that
// loses its power before the disk was reached. The workers are kept away until the offsets after the crash are read.

/// Postgres that forgets what it has committed.
let postgresLossFaults = [
  Fault(
    row: 17, name: "asynchronous-commit-crash",
    plan: Plan(stock: 1_500, rate: 120, allows: ["offsetsFallBack"]),
    breaks: [.postgres], isCombinable: false
  ) { sale, random in
    try sale.sellAndApply(Int.random(in: 100...250, using: &random))
    let wanted = Int.random(in: 20...120, using: &random)
    try sale.injure("crash that loses commits", back: .worker(withinMs: backFromPostgresMs)) {
      try sale.setPostgres(["synchronous_commit": "off", "wal_writer_delay": "10s"])
      defer { sale.resetPostgres() }
      var tries: [String] = []
      for _ in 0..<3 {
        let (before, after) = try sale.crashLosing(wanted)
        tries.append("offsets \(before) -> \(after)")
        if after < before { return tries.joined(separator: ", ") }
      }
      return nil
    }
  }
]

extension Sale {
  /// Lets the workers commit so many events that are written nowhere, and kills the server; the offsets before and after.
  fileprivate func crashLosing(_ count: Int) throws -> (before: Int, after: Int) {
    let links = deployment.postgresLinks.values
    let connection = try postgresConnection()
    let writers = try query(
      "SELECT pid::text FROM pg_stat_activity WHERE backend_type = 'walwriter'", on: connection)
    guard let writer = writers.first.flatMap({ Int32($0) }) else {
      throw TestSupportError("Postgres has no WAL writer")
    }
    Glibc.kill(writer, SIGSTOP)
    defer { Glibc.kill(writer, SIGCONT) }  // Killed by then, unless something was thrown.
    let start = try applied(on: connection)
    var before = start
    _ = try eventually(within: 20, everyMs: 5) {
      before = try applied(on: connection)
      return before >= start + count
    }
    _ = try killPostgres()
    for link in links { link.refuse() }
    defer { for link in links { link.pass() } }
    try restartPostgres()
    return (before, try applied())
  }
}
