import Glibc
import HTTPServer
import TestSupport
import Testing
import Threads

@testable import Crowd

/// The whole crowd over real connections against a service in memory.
@Suite struct ThrongTests {
  private func options(_ server: HTTPServer, users: Int, untilHeld: Bool = true) -> Options {
    var options = Options()
    options.urls = ["http://127.0.0.1:\(server.port)"]
    options.activity = PlayedStock.activity
    options.users = users
    options.concurrency = 32
    options.untilHeld = untilHeld
    options.timeoutMs = 500
    options.deadlineS = 60
    options.settleS = 20
    options.claimDeadlineMs = 50  // nothing here runs late
    options.habits.seed = 11
    return options
  }

  private func serve(_ stock: PlayedStock, port: UInt16 = 0) throws -> HTTPServer {
    try HTTPServer(host: "127.0.0.1", port: port, handler: stock)
  }

  private func throng(_ options: Options, _ stock: PlayedStock) -> Throng {
    Throng(
      options,
      exchange: Exchange(
        addresses: options.urls, activity: options.activity, connections: options.concurrency,
        timeoutMs: options.timeoutMs),
      total: stock.total, recorder: nil)
  }

  private func report(_ throng: Throng, _ stock: PlayedStock) -> Report {
    let stories = throng.errands.map(\.story)
    let rules = Rules(
      total: stock.total, limit: stock.limit,
      untilHeld: throng.options.untilHeld && !throng.isLate && !throng.isStopping)
    var report = Report(throng.options, throng.tally, stories, total: stock.total)
    report.add(stock.evidence, stories)
    report.judge(check(stories, stock.evidence, rules), rules, hasEvidence: true)
    return report
  }

  private func run(_ stock: PlayedStock, _ change: (inout Options) -> Void = { _ in }) throws
    -> Report
  {
    let server = try serve(stock)
    var options = options(server, users: 900)
    change(&options)
    let throng = throng(options, stock)
    throng.run()
    #expect(throng.isLate || throng.inProgress == 0)
    let report = report(throng, stock)
    server.stopAccepting()
    // With faults some requests are never answered on purpose.
    if stock.faults == 0 { #expect(server.drain(until: .after(ms: 5_000))) }
    return report
  }

  @Test func aGoodServiceKeepsEveryPromise() throws {
    let stock = PlayedStock(total: 300)
    let report = try run(stock) { $0.habits.keyless = 0.3 }
    #expect(report.exitStatus == 0, "\(report.table)")
    #expect(report.distinctSlots == 300 && report.postgresClaims == 300 && report.surplus == 0)
    #expect(report.replayed > 0 && report.released > 0 && report.refused["sold_out"] ?? 0 > 0)
    #expect(report.asked <= stock.asked)
    #expect(report.claimed == 300 + report.released)
  }

  @Test func aLimitAboveOneIsUsedUpAndNotExceeded() throws {
    let report = try run(PlayedStock(total: 900, limit: 3)) {
      $0.habits.limit = 3
      $0.users = 250
    }
    #expect(report.exitStatus == 0, "\(report.table)")
    #expect(report.held == 900)
    #expect(report.refused["limit_reached"] ?? 0 > 0)
  }

  /// Pending, 503, timeouts: all of it is asked again until it is decided.
  @Test func aServiceWithFaultsKeepsThemToo() throws {
    let report = try run(PlayedStock(total: 200, faults: 0.12)) {
      $0.users = 350
      $0.habits.keyless = 0.2
    }
    #expect(report.exitStatus == 0, "\(report.table)")
    #expect(report.undecided == 0)
    #expect(report.pending > 0 && report.later.count == 2 && report.unknown["timeout"] ?? 0 > 0)
  }

  /// Every slot that was told is asked for once more, until the answer decides.
  @Test(arguments: [0, 0.12]) func everySlotIsAskedForOnceMoreAtTheEnd(_ faults: Double) throws {
    let stock = PlayedStock(total: 200, faults: faults)
    let server = try serve(stock)
    var options = options(server, users: 350)
    options.asksAtEnd = true
    let throng = throng(options, stock)
    throng.run()
    let report = report(throng, stock)
    server.stopAccepting()
    #expect(report.exitStatus == 0, "\(report.table)")
    #expect(throng.confirmed == 200 && report.held == 200)
  }

  /// Served, then unreachable for a while, then there again at the same place.
  @Test func aServiceThatGoesAwayAndComesBack() throws {
    let stock = PlayedStock(total: 300)
    let port = UInt16(freePort())
    let first = try serve(stock, port: port)
    var options = options(first, users: 2_000)
    options.requestsPerSecond = 2_000
    let restart = NamedThread("restart") {
      _ = eventually { stock.asked > 100 }
      first.stopAccepting()
      _ = first.drain(until: .after(ms: 5_000))
    }
    let again = Lock<HTTPServer?>(nil)
    let back = NamedThread("back") {
      restart.join()
      usleep(200_000)  // the outage itself
      let second = try? HTTPServer(host: "127.0.0.1", port: port, handler: stock)
      again.withLock { $0 = second }
    }
    let throng = throng(options, stock)
    throng.run()
    back.join()
    let report = report(throng, stock)
    #expect(again.withLock { $0 } != nil)
    #expect(report.exitStatus == 0, "\(report.table)")
    #expect(report.unknown["unreachable"] ?? 0 > 0)
    again.withLock { $0?.stopAccepting() }
  }

  @Test(arguments: [
    (PlayedStock.Mistake.sellsTwice, 1), (.forgetsSlots, 5), (.losesClaim, 3), (.neverRetry, 6),
  ])
  func aMistakeIsFound(_ mistake: PlayedStock.Mistake, _ promise: Int) throws {
    let stock = PlayedStock(
      total: 300, faults: mistake == .neverRetry ? 0.05 : 0, mistake: mistake)
    let report = try run(stock) { $0.untilHeld = false }
    #expect(report.exitStatus == 1, "\(report.table)")
    #expect(report.promises.contains { $0.promise == promise && !$0.isKept }, "\(report.table)")
  }

  @Test func slotsThatAreNeverSoldAgainAreNotReachedInTime() throws {
    let report = try run(PlayedStock(total: 300, mistake: .losesSlots)) {
      $0.deadlineS = 2
      $0.habits.giveBack = 0.5
    }
    #expect(report.held < 300)
  }
}
