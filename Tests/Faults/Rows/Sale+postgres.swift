import Foundation
import Glibc
import PostgresClient
import TestSupport
import Threads

/// What faults of Postgres look at and pull.
extension Sale {
  /// A superuser's connection past every proxy, also to a server that takes no writes. Another fault may have the server
  /// down for the moment.
  func postgresConnection() throws -> PostgresConnection {
    let settings = PostgresSettings(connection: deployment.postgres + " target_session_attrs=any")
    let deadline = MonotonicTime.after(ms: 10_000)
    while true {
      do throws(PostgresError) {
        return try PostgresConnection(settings)
      } catch {
        if error.kind != .retry || deadline <= .now { throw error }
        usleep(50_000)
      }
    }
  }

  /// The first column, text, over a connection that is there.
  @discardableResult
  func query(_ sql: String, on connection: PostgresConnection) throws -> [String] {
    let result = try connection.execute(sql)
    return (0..<result.rowCount).map { result.optionalText($0, 0) ?? "" }
  }

  /// Where Postgres stands, by partition.
  func offsets(on connection: PostgresConnection? = nil) throws -> [Int: Int] {
    let sql =
      "SELECT partition || ' ' || next FROM consumer_offset WHERE topic = '\(deployment.topic)'"
    let rows = try connection.map { try query(sql, on: $0) } ?? query(sql)
    return Dictionary(
      uniqueKeysWithValues: rows.map { row in
        let numbers = row.split(separator: " ").compactMap { Int($0) }
        return (numbers[0], numbers[1])
      })
  }

  /// Events applied so far: the sum of those offsets.
  func applied(on connection: PostgresConnection? = nil) throws -> Int {
    try offsets(on: connection).values.reduce(0, +)
  }

  /// Waits until so many slots are held and Postgres takes part: its workers have their partitions and apply.
  func sellAndApply(_ count: Int) throws {
    try sell(count)
    let isApplied = try eventually(within: 40, everyMs: 20) { try applied() >= count }
    guard isApplied else { throw TestSupportError("not applied: \(count) events") }
  }

  /// When the server of the moment was started.
  func postgresStart() throws -> String { try query("SELECT pg_postmaster_start_time()::text")[0] }

  /// Sets what every session of the server goes by, the present ones too from their next statement on.
  func setPostgres(_ settings: [String: String]) throws {
    let connection = try postgresConnection()
    for (name, value) in settings {
      try query("ALTER SYSTEM SET \(name) = '\(value)'", on: connection)
    }
    try query("SELECT pg_reload_conf()::text", on: connection)
  }

  /// Ends `setPostgres`.
  func resetPostgres() {
    setBack("the settings of Postgres") { try ground.resetPostgres() }
  }

  /// SIGKILL of the server and all its processes at once; how many there were.
  func killPostgres() throws -> Int {
    let server = ground.stack.pid(.postgres)
    // Stopped it starts no others, and does not see them end.
    Glibc.kill(server, SIGSTOP)
    let children = postgresProcesses()
    for child in children { Glibc.kill(child, SIGKILL) }
    try ground.stack.kill(.postgres)
    timeline.note("Postgres: signal 9 to process \(server) and its \(children.count)")
    return children.count + 1
  }

  /// The server's own children.
  func postgresProcesses() -> [Int32] {
    let server = ground.stack.pid(.postgres)
    let text = readFile("/proc/\(server)/task/\(server)/children") ?? ""
    return text.split(separator: " ").compactMap { Int32($0) }
  }

  /// Starts it again unless it runs; for `defer`.
  func restartPostgres() throws {
    try ground.stack.restart(.postgres)
    timeline.note("Postgres: started as process \(ground.stack.pid(.postgres))")
  }

  /// What the server has logged since its last start.
  var postgresLog: String { readFile(ground.stack.directory + "/postgres/log") ?? "" }

  /// How often a text is in it.
  func postgresLogCount(_ text: String) -> Int {
    postgresLog.components(separatedBy: text).count - 1
  }

  /// What the workers have said of outages of Postgres; with a text, of those whose error holds it.
  func outages(_ text: String? = nil) -> [String] {
    workers.flatMap { $0.events("postgres_away") }.compactMap { $0["error"] as? String }
      .filter { error in text.map { error.contains($0) } ?? true }
  }

  /// Waits until the workers have said more of that than `count`; their last word, nil when they do not.
  func outage(after count: Int, within seconds: Double = 20, _ text: String? = nil) -> String? {
    let isSaid = eventually(within: seconds, everyMs: 20) { outages(text).count > count }
    return isSaid ? outages(text).last : nil
  }
}

/// Slow enough that a sale outlasts a server's restart.
let slowSale = Plan(stock: 1_500, rate: 120)
/// How a worker's connection that applies is seen in `pg_stat_activity`.
let applyingBackends = "application_name = 'stock-sync-worker apply'"
/// All of the workers' connections.
let workersBackends = "application_name LIKE 'stock-sync-worker%'"
/// From the mend to the first batch: the longest pause between two tries (2 s), a connection, a position, a batch.
let backFromPostgresMs = 8_000
