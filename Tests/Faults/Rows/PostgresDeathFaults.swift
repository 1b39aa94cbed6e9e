import Foundation
import Glibc
import PostgresClient
import TestSupport

/// Postgres, or one of its sessions, that ends in the middle of what it does.
let postgresDeathFaults = [
  Fault(row: 15, name: "postgres-killed", plan: slowSale, breaks: [.postgres]) { sale, random in
    try sale.sellAndApply(Int.random(in: 100...300, using: &random))
    try sale.injure("Postgres killed", back: .worker(withinMs: backFromPostgresMs)) {
      let (before, start) = (try sale.applied(), try sale.postgresStart())
      let processes = try sale.killPostgres()
      try sale.restartPostgres()
      let (after, newStart) = (try sale.applied(), try sale.postgresStart())
      return start != newStart && after >= before
        ? "\(processes) processes killed, started \(newStart), offsets \(before) -> \(after)" : nil
    }
  },
  Fault(row: 15, name: "postgres-restarted", plan: slowSale, breaks: [.postgres]) { sale, random in
    try sale.sellAndApply(Int.random(in: 100...300, using: &random))
    try sale.injure("Postgres restarted", back: .worker(withinMs: backFromPostgresMs)) {
      let start = try sale.postgresStart()
      try sale.ground.stack.stop(.postgres)
      try sale.restartPostgres()
      let newStart = try sale.postgresStart()
      return start != newStart ? "started \(start), then \(newStart)" : nil
    }
  },
  // One session dies hard: the server gives up all others, and goes through its recovery by itself.
  Fault(row: 15, name: "backend-killed", plan: slowSale, breaks: [.postgres]) { sale, random in
    try sale.sellAndApply(Int.random(in: 100...300, using: &random))
    try sale.injure("backend killed", back: .worker(withinMs: backFromPostgresMs)) {
      let pids = try sale.query(
        "SELECT pid::text FROM pg_stat_activity WHERE \(applyingBackends) ORDER BY pid")
      guard let pid = pids.randomElement(using: &random), let number = Int32(pid) else {
        return nil
      }
      kill(number, SIGKILL)
      let said = "(PID \(number)) was terminated by signal 9"
      let isOver = eventually(within: 20, everyMs: 20) {
        sale.postgresLogCount(said) > 0 && (try? sale.applied()) != nil
      }
      return isOver ? "server process \(said)" : nil
    }
  },
  Fault(row: 15, name: "backend-ended-at-commit", plan: slowSale, breaks: [.postgres]) {
    sale, random in
    try sale.sellAndApply(Int.random(in: 100...300, using: &random))
    let wanted = Int.random(in: 3...8, using: &random)
    try sale.injure("backends ended at COMMIT", back: .worker(withinMs: backFromPostgresMs)) {
      let connection = try sale.slowCommits()
      defer { sale.resetPostgres() }
      let before = sale.outages().count
      var ended: Set<String> = []
      _ = try eventually(within: 20, everyMs: 1) {
        ended.formUnion(
          try sale.query(
            """
            WITH found AS MATERIALIZED (SELECT pid FROM pg_stat_activity WHERE \(sittingInCommit))
            SELECT pid::text FROM found WHERE pg_terminate_backend(pid)
            """, on: connection))
        return ended.count >= wanted
      }
      // An outage is told once, with the first failure; other backends may have ended during the same one.
      guard ended.count >= wanted, let said = sale.outage(after: before) else { return nil }
      return
        "\(ended.count) backends ended in COMMIT; \(sale.outages().count - before) outages told, "
        + "the last: \(said)"
    }
  },
  Fault(row: 15, name: "answer-of-commit-lost", plan: slowSale, breaks: [.postgres]) {
    sale, random in
    try sale.sellAndApply(Int.random(in: 100...300, using: &random))
    let wanted = Int.random(in: 2...5, using: &random)
    try sale.injure("answers of COMMIT lost", back: .worker(withinMs: backFromPostgresMs)) {
      let connection = try sale.slowCommits()
      defer { sale.resetPostgres() }
      let before = sale.outages("(outcome unknown)").count
      var unknown = 0
      _ = try eventually(within: 30, everyMs: 1) {
        let committing = try sale.query(
          "SELECT 1::text FROM pg_stat_activity WHERE \(sittingInCommit)", on: connection)
        if !committing.isEmpty {
          for link in sale.deployment.postgresLinks.values { link.cut() }
        }
        unknown = sale.outages("(outcome unknown)").count - before
        return unknown >= wanted
      }
      return unknown >= wanted ? "\(unknown) COMMITs of which the worker knew no outcome" : nil
    }
  },
]

/// Sessions of the workers that have a COMMIT and have not answered it.
private let sittingInCommit = "\(applyingBackends) AND state = 'active' AND query = 'COMMIT'"

extension Sale {
  /// Each COMMIT takes 100 ms, so that it can be met; undone by `resetPostgres`. A connection to look at them.
  fileprivate func slowCommits() throws -> PostgresConnection {
    try setPostgres(["commit_delay": "100000", "commit_siblings": "0"])
    return try postgresConnection()
  }
}
