import Foundation
import Glibc
import RedisClient
import TestSupport
import Testing
import Threads

@testable import Crowd

// DESIGN
// A sale that goes on at a slow rate while a test breaks things, until it says `hurry`; then as fast as it can, until
// every slot is held. What Redis held right before a fault and no longer right after it, before any rebuild, is
// counted: a round that loses nothing shows nothing. At the end the crowd asks for every slot once more and holds
// what it was told against both stores.

/// One sale with faults in the middle of it.
final class Round {
  /// Short times, so that a round takes seconds.
  static let settings = [
    "SLIDING_STOCK_LEASE_DURATION_MS": "1600", "SLIDING_STOCK_LEASE_HEARTBEAT_MS": "300",
    "SLIDING_STOCK_CLAIM_DEADLINE_MS": "\(claimDeadlineMs)",
    "SLIDING_STOCK_KAFKA_SESSION_TIMEOUT_MS": "2000",
    "SLIDING_STOCK_RECOVERY_MARGIN_MS": "200", "SLIDING_STOCK_RECOVERY_EXTRA_WAIT_MS": "0",
    "SLIDING_STOCK_RECOVERY_CHECK_MS": "200", "SLIDING_STOCK_RECOVERY_LOCK_IDLE_MS": "1500",
  ]
  private static let claimDeadlineMs = 1_000

  let pair: Pair
  let draws: [Service]
  private(set) var workers: [Service] = []
  private let crowd: Subprocess
  private let folder: String
  private(set) var losses: [Loss] = []

  /// Two DrawServices, each with its own settings besides the pair's, a worker for each of `workers`, and a crowd that
  /// asks for `rate` draws a second.
  init(
    _ pair: Pair, draws: [[String: String]] = [[:], [:]], workers: [[String: String]] = [[:]],
    stock: Int, rate: Int = 250, giveBack: Double = 0.05
  ) throws {
    self.pair = pair
    folder = try temporaryDirectory("round")
    for settings in workers { self.workers.append(try pair.startWorker(settings)) }
    self.draws = try draws.map { try pair.startDraw($0) }
    let redis = pair.redisEndpoint
    crowd = try pair.startCrowd(
      self.draws,
      [
        "--users", "\(stock + stock / 5)", "--concurrency", "64", "--ask-twice", "0.1",
        "--give-back", "\(giveBack)", "--requests-per-second", "\(rate)", "--until-held",
        "--ask-at-end", "--claim-deadline-ms", "\(Self.claimDeadlineMs)", "--deadline", "100",
        "--settle", "30", "--record", folder + "/record", "--hurry-file", folder + "/hurry",
        "--redis", redis.socket ?? "\(redis.host):\(redis.port)",
      ])
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  convenience init(stock: Int, workers: [[String: String]] = [[:]]) throws {
    let pair = try Pair(on: RecoveryStack.get(), stock: stock, settings: Self.settings)
    try self.init(pair, workers: workers, stock: stock)
  }

  /// Another worker.
  @discardableResult
  func addWorker(_ settings: [String: String] = [:]) throws -> Service {
    let worker = try pair.startWorker(settings)
    workers.append(worker)
    return worker
  }

  /// Waits until so many slots are held in Redis.
  func sell(_ count: Int) throws {
    let isSold = try eventually(within: 40, everyMs: 20) { try pair.locks() >= count }
    if !isSold { throw TestSupportError("not sold: \(count) slots\n\(story)") }
  }

  /// Waits until so many more are held.
  func sellMore(_ count: Int) throws {
    try sell(try pair.locks() + count)
  }

  /// Breaks something, and counts what Redis lost by it: read right before and right after, before a rebuild.
  @discardableResult
  func lose(
    sourceLocation: SourceLocation = #_sourceLocation, _ fault: () throws -> Void
  ) throws -> Loss {
    let (before, recoveries) = (try holdings(), recoveryCount)
    try fault()
    let faultUs = MonotonicTime.now.nanoseconds / 1_000
    let left = try holdings()
    #expect(left.epoch <= before.epoch, "rebuilt already", sourceLocation: sourceLocation)
    let loss = Loss(
      atUs: faultUs, recoveries: recoveries,
      claims: before.claims.filter { left.claims[$0.key] != $0.value })
    #expect(loss.claims.count > 0, "the fault lost nothing", sourceLocation: sourceLocation)
    losses.append(loss)
    return loss
  }

  private func holdings() throws -> (epoch: Int, claims: [Int: Holder]) {
    let endpoint = pair.redisEndpoint
    let connection = try RedisConnection(endpoint, scripts: [])
    let epoch = try connection.pipeline([RedisCommand("HGET", pair.stockKey, "epoch")])[0].text
    let held = try RedisEvidence.read(Sources(redis: endpoint, activity: pair.activity))
    return (epoch.flatMap { Int($0) } ?? 0, held.locks)
  }

  /// Recoveries that the workers have finished.
  var recoveryCount: Int { workers.reduce(0) { $0 + $1.lines("recovery_done").count } }

  /// Waits until a recovery has ended that was not there at the time of the last loss.
  func awaitRecovery(within seconds: Double = 30) throws {
    guard let last = losses.indices.last else { return }
    let isDone = eventually(within: seconds, everyMs: 20) {
      recoveryCount > losses[last].recoveries
    }
    guard isDone else { throw TestSupportError("no recovery after \(seconds) s\n\(story)") }
    losses[last].recoveredUs = MonotonicTime.now.nanoseconds / 1_000
  }

  /// Lets the crowd take the rest as fast as it can.
  func hurry() throws {
    try Data().write(to: URL(fileURLWithPath: folder + "/hurry"))
  }

  /// The crowd's end, and everything that must be true then; gives the record. `name` is for the line that tells.
  @discardableResult
  func finish(
    _ name: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> Record {
    try hurry()
    let report = try pair.report(of: crowd, within: 150)
    expectKept(report, sourceLocation: sourceLocation)
    #expect(report.confirmed == report.held, sourceLocation: sourceLocation)
    if report.exitStatus != 0 { Issue.record("\(story)", sourceLocation: sourceLocation) }
    let record = try Record(folder + "/record", startedUs: report.startedUs)
    for loss in losses {
      let told = record.told(of: loss)
      #expect(told > 0, "nobody was told of what was lost", sourceLocation: sourceLocation)
      let soldAfter = record.claims.count { $0.answeredUs > loss.recoveredUs }
      #expect(soldAfter > 0, "nothing was sold afterwards", sourceLocation: sourceLocation)
      print(
        "\(name): \(loss.claims.count) claims lost, \(told) of them told; pause "
          + "\(record.longestPauseMs(around: loss)) ms; \(soldAfter) sold after the recovery; "
          + "\(report.held) of \(report.stock) held and told again, \(report.voidEvents ?? 0) void")
    }
    return record
  }

  /// Ends the services in good order.
  func end(sourceLocation: SourceLocation = #_sourceLocation) throws {
    let services = (draws + workers).filter { $0.process.isRunning }
    for service in services { service.process.signal(SIGTERM) }
    for service in services {
      #expect(try service.process.wait(within: 20) == .exited(0), sourceLocation: sourceLocation)
    }
  }

  /// What the services said, without the lines of the daily run: for a test that fails.
  var story: String {
    (draws + workers).map { service in
      let lines = service.process.output.split(separator: "\n").filter {
        !$0.contains("\"event\":\"stats\"")
      }
      return lines.suffix(40).joined(separator: "\n")
        + "\n" + service.process.errorOutput.suffix(500)
    }.joined(separator: "\n-- \n") + "\n-- \ncrowd: \(crowd.tail)"
  }
}

/// What a fault took.
struct Loss {
  /// On the monotonic clock.
  let atUs: Int64
  /// Recoveries before it.
  let recoveries: Int
  /// By slot.
  let claims: [Int: Holder]
  /// When the test saw that the recovery had ended.
  var recoveredUs: Int64 = .max
}
