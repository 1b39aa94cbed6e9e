import Foundation
import PostgresClient
import TestSupport

/// Postgres that is not there, or there and says no.
let postgresRefusalFaults = [
  Fault(
    row: 16, name: "postgres-gone",
    // Slow, so that there is something to sell as long as it is gone.
    plan: Plan(stock: 2_000, rate: max(15, Int(1_000 / (Timing.outageS + 10))), limitS: 300),
    breaks: [.postgres], isCombinable: false
  ) { sale, random in
    try sale.sellAndApply(Int.random(in: 40...80, using: &random))
    try sale.injure("Postgres gone", back: .worker(withinMs: backFromPostgresMs)) {
      let start = try sale.postgresStart()
      let isKilled = Bool.random(using: &random)
      if isKilled { _ = try sale.killPostgres() } else { try sale.ground.stack.stop(.postgres) }
      let held = try sale.held()
      let goneUs = nowUs()
      // The fault is this time, and that the sale goes on through all of it.
      var least = held
      let isOver = try eventually(within: Timing.outageS + 5, everyMs: 200) {
        least = try sale.held()
        return Double(nowUs() - goneUs) / 1e6 >= Timing.outageS
      }
      try sale.restartPostgres()
      let newStart = try sale.postgresStart()
      guard isOver, least > held, newStart != start, sale.outages().count > 0 else { return nil }
      return "\(isKilled ? "killed" : "stopped") for \((nowUs() - goneUs) / 1_000) ms, "
        + "held \(held) -> \(least) meanwhile; \(sale.outages().last ?? "")"
    }
  },
  Fault(row: 16, name: "read-only", plan: slowSale, breaks: [.postgres]) { sale, random in
    try sale.sellAndApply(Int.random(in: 100...300, using: &random))
    try sale.injure("Postgres read-only", back: .worker(withinMs: backFromPostgresMs)) {
      let before = sale.outages("read-only").count
      // No new one would be had then, by us neither.
      let connection = try sale.postgresConnection()
      defer { connection.close() }
      try sale.setPostgres(["default_transaction_read_only": "on"])
      defer { sale.resetPostgres() }
      // Half of the times new connections alone find it so, and are not wanted. Of the end and the refusal the workers say
      // what they meet first; that nothing is applied any more shows either way.
      if Bool.random(using: &random) {
        try sale.endWorkersBackends(on: connection)
        return try sale.whileNothingIsApplied(by: connection)
      }
      guard let said = sale.outage(after: before, "read-only") else { return nil }
      Timing.last(ms: Int.random(in: 0...3_000, using: &random))
      return said
    }
  },
  Fault(
    row: 16, name: "lock-wait",
    plan: Plan(
      stock: 1_500, rate: 120, settings: ["SLIDING_STOCK_POSTGRES_LOCK_TIMEOUT_MS": "300"]),
    breaks: [.postgres],
    isCombinable: false
  ) { sale, random in
    try sale.sellAndApply(Int.random(in: 100...300, using: &random))
    let rows = [
      "activity WHERE id = \(sale.deployment.activity)",
      "consumer_offset WHERE topic = '\(sale.deployment.topic)'",
    ].randomElement(using: &random)!
    try sale.injure("rows locked", back: .worker(withinMs: backFromPostgresMs)) {
      let before = sale.outages("55P03").count
      let connection = try sale.postgresConnection()
      defer { connection.close() }
      try sale.query("BEGIN", on: connection)
      try sale.query("SELECT 1::text FROM \(rows) FOR UPDATE", on: connection)
      guard let said = sale.outage(after: before, "55P03") else { return nil }
      Timing.last(ms: Int.random(in: 0...3_000, using: &random))
      try sale.query("ROLLBACK", on: connection)
      return "\(rows.prefix { $0 != " " }): \(said)"
    }
  },
  Fault(row: 16, name: "deadlock", plan: slowSale, breaks: [.postgres]) { sale, random in
    try sale.sellAndApply(Int.random(in: 100...300, using: &random))
    let wanted = Int.random(in: 1...3, using: &random)
    try sale.injure("deadlocks", back: .worker(withinMs: backFromPostgresMs)) {
      var victims: [Int] = []
      for _ in 0..<wanted + 3 where victims.count < wanted {
        if let victim = try sale.deadlock() {
          victims.append(victim)
        } else if !victims.isEmpty {
          // On a slow machine the sale is over before so many have been met.
          break
        }
      }
      return victims.isEmpty ? nil : "deadlock detected in the workers' backends \(victims)"
    }
  },
  Fault(row: 16, name: "too-many-clients", plan: slowSale, breaks: [.postgres]) { sale, random in
    try sale.sellAndApply(Int.random(in: 100...300, using: &random))
    let wanted = Int.random(in: 4...12, using: &random)
    try sale.injure("too many clients", back: .worker(withinMs: backFromPostgresMs)) {
      let connection = try sale.postgresConnection()
      var others: [PostgresConnection] = []
      defer { for other in others { other.close() } }
      let isFull = try eventually(within: 20, everyMs: 5) {
        try sale.takeConnections(&others)
        try sale.endWorkersBackends(on: connection)
        try sale.takeConnections(&others)
        return try sale.query(
          "SELECT 1::text FROM pg_stat_activity WHERE \(workersBackends)", on: connection
        ).isEmpty
      }
      guard isFull else { return nil }
      // From here on nobody else asks for connections.
      let before = sale.postgresLogCount(tooManyClients)
      var refused = 0
      _ = eventually(within: 20, everyMs: 50) {
        refused = sale.postgresLogCount(tooManyClients) - before
        return refused >= wanted
      }
      return refused >= wanted
        ? "\(others.count) connections taken, the workers refused \(refused) times" : nil
    }
  },
]

private let tooManyClients = "FATAL:  sorry, too many clients already"

extension Sale {
  /// Lets the sale go on for a while; says how far, or nil when something of it got into Postgres.
  fileprivate func whileNothingIsApplied(by connection: PostgresConnection) throws -> String? {
    // What was being committed when the sessions ended may still be.
    try sellMore(20)
    let (held, offsets) = (try held(), try applied(on: connection))
    try sellMore(100)
    let (heldThen, offsetsThen) = (try self.held(), try applied(on: connection))
    return offsetsThen == offsets
      ? "sessions ended, offsets stood at \(offsets) while the held grew from \(held) to \(heldThen)"
      : nil
  }

  /// Ends the workers' sessions, which may come again.
  fileprivate func endWorkersBackends(on connection: PostgresConnection? = nil) throws {
    try query(
      "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity WHERE \(workersBackends)",
      on: try connection ?? postgresConnection())
  }

  /// As many as there are.
  fileprivate func takeConnections(_ taken: inout [PostgresConnection]) throws {
    while taken.count < 200 {
      do throws(PostgresError) {
        taken.append(
          try PostgresConnection(PostgresSettings(connection: deployment.postgres)))
      } catch {
        if error.message.contains("too many clients") { return }
        throw error
      }
    }
  }

  /// Takes the activity's row, then, when a worker's transaction waits for it, that transaction's offsets. The backend in
  /// which Postgres has found the deadlock; nil when no worker came into it.
  fileprivate func deadlock() throws -> Int? {
    let (watching, locking) = (try postgresConnection(), try postgresConnection())
    defer { locking.close() }
    try query("BEGIN", on: locking)
    // Whoever has waited for deadlock_timeout looks for one and is the one to give up: not we.
    try query("SET LOCAL deadlock_timeout = '30s'", on: locking)
    let own = try query("SELECT pg_backend_pid()::text", on: locking)[0]
    try query(
      "SELECT 1::text FROM activity WHERE id = \(deployment.activity) FOR UPDATE", on: locking)
    let waiting =
      "SELECT pid::text FROM pg_stat_activity WHERE \(applyingBackends) AND \(own) = ANY (pg_blocking_pids(pid))"
    var pids: [Int] = []
    _ = try eventually(within: 10, everyMs: 2) {
      pids = try query(waiting, on: watching).compactMap { Int($0) }
      return !pids.isEmpty
    }
    func found(_ pid: Int) -> Int { postgresLogCount("[\(pid)] ERROR:  deadlock detected") }
    let before = pids.map(found)
    try query(
      "SELECT 1::text FROM consumer_offset WHERE topic = '\(deployment.topic)' ORDER BY partition FOR UPDATE",
      on: locking)
    try query("ROLLBACK", on: locking)
    return zip(pids, before).first { found($0) > $1 }?.0
  }
}
