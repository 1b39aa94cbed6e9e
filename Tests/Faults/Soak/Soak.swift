import Checker
import Foundation
import Glibc
import RedisClient
import TestSupport
import Threads

// DESIGN
// One deployment through all of it. Two instances of each service are there for the faults, which end and start them, and
// one more of each is not: it lives from the first sale to the last, so what it takes at half of the time and at the end
// can be compared. Samples are taken at rest, after each sale, when a service has nothing to hold on to.

/// Sale after sale on the same services, for as long as is wanted.
final class Soak {
  private let options: Options
  private let minutes: Double
  private let commit: String?
  private var samples: [SoakSample] = []
  private var findings: [String] = []
  /// When something was broken, wall clock.
  private var broken: [LogGaps.Span] = []
  private let beginUs = nowUs()
  private let wallMinusMonotonicMs = wallClockMs() - nowUs() / 1_000

  private static let statsMs = 1_000
  private static let plan = Plan(
    stock: 1_500, rate: 60, spared: 1,
    settings: ["SLIDING_STOCK_STATS_INTERVAL_MS": "\(statsMs)"])
  /// So long a sale goes on at its slow rate; it closes for good some time later.
  private static let saleS = 25.0
  private static let closes = "+5m"
  /// After a mend the stats line may still be late by a statement's time.
  private static let lateMs: Int64 = 12_000

  init(_ options: Options) throws {
    self.options = options
    minutes = options.minutes ?? 60
    commit = options.isRecording ? try RoundsFile.forThisCommit().commit : nil
  }

  /// True when every sale was clean and nothing grew.
  func run() throws -> Bool {
    var random = Seeded(options.seed == 0 ? .random(in: 1 ... .max) : options.seed)
    let ground = try Ground(.single)
    let sale = try Sale(ground, Self.plan, folder: folder(1))
    defer { sale.kill() }
    var count = 0
    do {
      try sale.start()
      try look(sale, after: 0)
      while count == 0 || Double(nowUs() - beginUs) / 60e6 < minutes {
        count += 1
        if count > 1 { try sale.renew(folder: folder(count), closes: Self.closes) }
        do {
          try play(sale, count, &random)
          try look(sale, after: count)
        } catch {
          note("harness: sale \(count): \(error)")
          try mend(sale)
        }
      }
      try sale.end()
    } catch {
      note("harness: the soak ends with sale \(count): \(error)")
    }
    judge(sale)
    if !findings.isEmpty || options.isKeeping { RoundRunner.leave(sale, findings) }
    if let commit { try SoakSample.write(samples, commit: commit) }
    say(SoakSample.table(samples))
    say("\(count) sales, \(findings.count) findings")
    for finding in findings { say("     \(finding)") }
    return findings.isEmpty
  }

  private func folder(_ sale: Int) -> String {
    "\(options.output)/soak/\(String(format: "%03d", sale))"
  }

  private func note(_ finding: String) {
    findings.append(finding)
    say("FAIL \(finding)")
  }

  /// Makes everything sound after a sale that failed, for the next one; throws when it is not to be had.
  private func mend(_ sale: Sale) throws {
    let startMs = wallClockMs()
    defer { broken.append(startMs...(wallClockMs() + Self.lateMs)) }
    sale.endCrowd()
    let links = [sale.deployment.redisLinks, sale.deployment.postgresLinks].flatMap(\.values)
    for link in links { link.pass() }
    try sale.ground.resetSettings()
    for service in sale.services {
      service.process.signal(SIGCONT)
      if !service.isRunning { try service.start() }
    }
    for service in sale.services { try service.awaitReady() }
  }

  /// One sale with one fault, and its check.
  private func play(_ sale: Sale, _ number: Int, _ random: inout Seeded) throws {
    // Each replay doubles all that was ever written: after a few, reading the topic would be all that is done.
    let replays = 20
    let faults = catalogue.filter {
      ![replays, 27].contains($0.row) && $0.isCombinable && $0.plan.ground == .single
        && $0.plan.allows.isEmpty
    }
    guard let fault = faults.randomElement(using: &random) else {
      throw TestSupportError("no fault can be brought about here")
    }
    let seed = random.next() >> 24
    let startUs = nowUs()
    defer { excuse(sale) }
    try RoundRunner.sell(sale, breakingIt: fault, seed: seed) {
      try eventually(within: max(0, Self.saleS - Double(nowUs() - startUs) / 1e6), everyMs: 100) {
        try sale.held() >= Self.plan.stock
      }
    }
    try collectStanding(sale)
    let verdict = try check(sale.folder)
    let found =
      verdict.problems + verdict.violations.map(\.description) + sale.takeLeftOver()
    findings += found.map { "sale \(number), \(fault.name), seed \(seed): \($0)" }
    let back = verdict.backMs.map { $0.map { "\($0) ms" } ?? "-" }.joined(separator: ", ")
    say(
      "\(found.isEmpty ? "ok  " : "FAIL") sale \(number): \(fault.name) seed \(seed), back \(back), "
        + String(format: "%.1f s", Double(nowUs() - startUs) / 1e6))
    for finding in found.prefix(12) { say("     \(finding)") }
    if found.isEmpty, !options.isKeeping {
      try FileManager.default.removeItem(atPath: sale.folder)
    }
  }

  /// The evidence is read to the topics' ends, which heartbeats would move on and on: DrawServices stand still meanwhile, and
  /// have their leases again before the next sale.
  private func collectStanding(_ sale: Sale) throws {
    let startMs = wallClockMs()
    let draws = sale.services.filter { $0.kind == .draw && $0.isRunning }
    do {
      for draw in draws { try draw.signal(SIGSTOP) }
      defer { for draw in draws { draw.process.signal(SIGCONT) } }
      try collect(into: sale.folder, from: sale.places)
    }
    for draw in draws { try draw.awaitReady() }
    broken.append(startMs...(wallClockMs() + Self.lateMs))
  }

  private func excuse(_ sale: Sale) {
    broken += sale.injuries.map {
      let (start, end) = ($0.startUs / 1_000, max($0.startUs, $0.healedUs) / 1_000)
      return (start + wallMinusMonotonicMs)...(end + wallMinusMonotonicMs + Self.lateMs)
    }
  }

  /// What each instance takes now. Waits until the workers have said in a line of their own that nothing is left.
  private func look(_ sale: Sale, after number: Int) throws {
    let workers = sale.services.filter { $0.kind == .worker && $0.isRunning }
    eventually(within: 10, everyMs: 100) { workers.allSatisfy { $0.lag == 0 } }
    let outbox = try sale.redis([RedisCommand("XLEN", "\(sale.stockKey):outbox")])[0].int
    for service in sale.services {
      guard let taken = ProcessFigures(pid: service.pid) else { continue }
      samples.append(
        SoakSample(
          minute: Double(nowUs() - beginUs) / 60e6, sale: number, instance: service.name,
          pid: Int(service.pid), rssKB: taken.rssKB, descriptors: taken.descriptors,
          threads: taken.threads, outbox: Int(outbox ?? -1), lag: service.lag))
    }
  }

  private func judge(_ sale: Sale) {
    let spared = Set(sale.spared.map(\.name))
    for (instance, its) in SoakSample.byInstance(samples) where spared.contains(instance) {
      findings += Flatness.findings(its)
    }
    for service in sale.services {
      // One that was ended has gaps; what it dropped counts all the same.
      let whole: LogGaps.Span = 0 ... .max
      findings += LogGaps.findings(
        service.name, service.log, everyMs: Self.statsMs,
        excused: spared.contains(service.name) ? broken : [whole])
    }
  }
}

extension ServiceProcess {
  /// Events that are not applied, as its last line of figures says; 0 for a DrawService.
  fileprivate var lag: Int {
    kind == .draw ? 0 : events("stats", lastRunAlone: true).last?["lagTotal"] as? Int ?? 0
  }
}
