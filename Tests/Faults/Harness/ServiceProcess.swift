import Foundation
import Glibc
import TestSupport
import Threads

/// One instance of a service, through the kills and starts of a round: its port stays, its log goes on.
final class ServiceProcess: Sendable {
  enum Kind: String, Sendable {
    case draw = "DrawService"
    case worker = "StockSyncWorker"
  }

  let kind: Kind
  /// `draw-1`, `worker-2`.
  let name: String
  /// Where a DrawService listens; 0 for a worker.
  let port: Int
  private let launcher: [String]
  private let environment: [String: String]
  private let timeline: Timeline
  private let runs = Lock<[Subprocess]>([])

  init(
    _ kind: Kind, number: Int, launcher: [String], environment: [String: String],
    timeline: Timeline
  ) {
    self.kind = kind
    self.launcher = launcher
    self.timeline = timeline
    name = "\(kind == .draw ? "draw" : "worker")-\(number)"
    port = kind == .draw ? freePort() : 0
    self.environment = environment.merging([
      "SLIDING_STOCK_HTTP_PORT": "\(port)", "SLIDING_STOCK_INSTANCE": name,
    ]) { own, given in own.isEmpty ? given : (given == "0" ? own : given) }
  }

  /// Starts it, or starts it again; `more` is for this run alone.
  func start(_ more: [String: String] = [:]) throws {
    let words =
      launcher + [try builtProduct(kind.rawValue)] + (kind == .worker ? ["run"] : [])
    let process = try Subprocess(
      words[0], Array(words.dropFirst()), environment: environment.merging(more) { $1 },
      diesWithUs: true)
    runs.withLock { $0.append(process) }
    timeline.note("\(name): started as process \(process.pid)")
  }

  /// The run of the moment, or the last one.
  var process: Subprocess { runs.withLock { $0.last! } }
  var pid: Int32 { process.pid }
  var isRunning: Bool { runs.withLock { $0.last }?.isRunning ?? false }

  /// Sends a signal and notes it. After SIGKILL it is gone when this returns.
  func signal(_ signal: Int32) throws {
    timeline.note("\(name): signal \(signal)")
    process.signal(signal)
    if signal == SIGKILL { try process.wait(within: 10) }
  }

  /// SIGKILL; says how it ended. Throws unless that is what ended it.
  func kill() throws -> String {
    try signal(SIGKILL)
    let status = try process.wait(within: 10)
    guard status == .signalled(SIGKILL) else { throw TestSupportError("\(name) \(status)") }
    return "\(name), process \(pid), \(status)"
  }

  /// SIGTERM, and its end in good order.
  func terminate() throws {
    try signal(SIGTERM)
    try awaitEnd()
  }

  /// Waits for the end that a SIGTERM has asked for: with status 0, which is promised.
  func awaitEnd() throws {
    let status = try process.wait(within: 20)
    timeline.note("\(name): \(status)")
    guard status.isSuccess else { throw Broken("\(name) \(status) after SIGTERM") }
  }

  /// The log of all runs.
  var log: String { runs.withLock { $0 }.map(\.output).joined() }
  /// What was written to standard error, and how earlier runs ended.
  var errorOutput: String { runs.withLock { $0 }.map(\.errorOutput).joined() }

  /// Lines of an event, of all runs or of the last one alone.
  func events(_ event: String, lastRunAlone: Bool = false) -> [[String: any Sendable]] {
    logLines(of: event, in: lastRunAlone ? process.output : log)
  }

  /// Whether it would take draws now.
  var isReady: Bool {
    kind == .draw && isRunning
      && (try? HTTPTestClient(port: port, timeoutMs: 2_000).send("GET", "/readyz").status) == 200
  }

  /// Waits until it takes draws, or for a worker until it has said that it started.
  func awaitReady(within seconds: Double = 30) throws {
    let isThere = try eventually(within: seconds, everyMs: 20) {
      guard isRunning else { throw TestSupportError("\(name) has ended:\n\(process.tail)") }
      return kind == .draw ? isReady : !events("started", lastRunAlone: true).isEmpty
    }
    guard isThere else { throw TestSupportError("\(name) is not ready:\n\(process.tail)") }
  }
}
