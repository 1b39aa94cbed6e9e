import Foundation
import TestSupport
import Threads

// DESIGN
// One thread kills DrawServices, another kills workers, each a random instance at a time, which is started again at
// once. The next kill comes when the killed instance is in service again or, as often as `earlyShare`, a random short
// time after the kill, so that kills meet recoveries. The sale goes on all the time: a storm that is sold out or too
// slow fails.

/// Many SIGKILLs of both services in one sale.
final class KillStorm: Sendable {
  /// Kills of each service.
  private let count: Int
  private let killsLock = Lock<[Kill]>([])

  /// Draws a second.
  private static let rate = 150
  /// Longest storm: so long for each kill of a service.
  private static let secondsPerKill = 3.6
  /// Of the kills that do not wait for the one before.
  private static let earlyShare = 0.35
  private static let earlyMs = 50...1_500
  /// The others wait so much longer: workers are back later than DrawServices, and both storms are to last as long.
  private static func restMs(_ service: Kill.Service) -> ClosedRange<Int> {
    service == .draw ? 0...3_000 : 0...0
  }
  /// Longest time until a killed instance serves again.
  private static let backWithinMs = 30_000

  init(kills count: Int) { self.count = count }

  /// What was done, in order.
  var kills: [Kill] { killsLock.withLock { $0 } }

  /// The round: of row 1 and row 2 alike.
  var fault: Fault {
    let seconds = Self.secondsPerKill * Double(max(count, 10))
    let plan = Plan(
      stock: 1_000 + Int(seconds * Double(Self.rate) * 1.1), rate: Self.rate,
      settings: ["SLIDING_STOCK_STATS_INTERVAL_MS": "100"], limitS: Int(seconds) + 300)
    return Fault(
      row: 1, name: "kill-storm", plan: plan, breaks: [.draws, .workers], isCombinable: false
    ) { sale, random in
      try self.rage(sale, &random)
    }
  }

  private func rage(_ sale: Sale, _ random: inout Seeded) throws {
    try sale.sell(200)
    let seeds = [random.next(), random.next()]
    try sale.injure(
      "\(count) SIGKILLs of each service", back: .draws(withinMs: 10_000),
      services: sale.numbers(of: sale.draws), partitions: Array(0..<Deployment.partitions)
    ) {
      let begin = MonotonicTime.now
      let failures = Lock<[any Error]>([])
      let threads = Kill.Service.allCases.enumerated().map { index, service in
        NamedThread("kills-\(service.rawValue)") {
          do {
            try self.kill(service, sale, Seeded(seeds[index]), begin)
          } catch {
            failures.withLock { $0.append(error) }
          }
        }
      }
      for thread in threads { thread.join() }
      if let error = failures.withLock({ $0.first }) { throw error }
      return Kill.Service.allCases.map { "\($0.rawValue): \(summary($0))" }.joined(separator: ", ")
    }
    try sale.sellMore(200)
  }

  private func summary(_ service: Kill.Service) -> String {
    let its = kills.filter { $0.service == service }
    let back = its.compactMap(\.backMs).sorted()
    let median = back.isEmpty ? 0 : back[back.count / 2]
    return "\(its.count) ended by signal 9, back after \(median) ms (median), "
      + "\(back.last ?? 0) ms (worst), \(its.count - back.count) killed again before"
  }

  private func kill(
    _ service: Kill.Service, _ sale: Sale, _ seeded: Seeded, _ begin: MonotonicTime
  ) throws {
    var random = seeded
    let instances = service == .draw ? sale.draws : sale.workers
    let deadline = begin.adding(ms: Int(Self.secondsPerKill * Double(max(count, 10)) * 1_000))
    var absent = Absent(of: instances)
    for number in 1...count {
      guard deadline > .now else {
        throw TestSupportError("\(service.rawValue): only \(number - 1) kills in the time given")
      }
      guard try sale.held() < sale.plan.stock - 500 else {
        throw TestSupportError("\(service.rawValue): sold out after \(number - 1) kills")
      }
      let victim = instances.randomElement(using: &random)!
      let index = killsLock.withLock { kills in
        kills.append(
          Kill(
            service: service, instance: victim.name,
            atMs: Int(MonotonicTime.now.microseconds(since: begin) / 1_000)))
        return kills.count - 1
      }
      absent.left(victim.name, kill: index)
      _ = try victim.kill()
      try victim.start()
      if Double.random(in: 0..<1, using: &random) >= Self.earlyShare {
        try awaitReturn(of: victim.name, &absent)
        watch(&absent, forMs: .random(in: Self.restMs(service), using: &random))
      } else {
        watch(&absent, forMs: .random(in: Self.earlyMs, using: &random))
      }
    }
    for name in absent.names { try awaitReturn(of: name, &absent) }
  }

  private func awaitReturn(of name: String, _ absent: inout Absent) throws {
    let last = MonotonicTime.after(ms: Self.backWithinMs)
    while absent.contains(name) {
      guard last > .now else {
        throw TestSupportError("\(name) is not in service \(Self.backWithinMs) ms after its start")
      }
      note(&absent)
    }
  }

  private func watch(_ absent: inout Absent, forMs ms: Int) {
    let end = MonotonicTime.after(ms: ms)
    while end > .now { note(&absent) }
  }

  /// Looks once who is back, and notes after how long.
  private func note(_ absent: inout Absent) {
    for (index, ms) in absent.returned() { killsLock.withLock { $0[index].backMs = ms } }
    usleep(10_000)
  }
}

/// The instances that were killed and are not in service yet.
private struct Absent {
  private let instances: [ServiceProcess]
  private var killed: [String: (kill: Int, at: MonotonicTime)] = [:]

  init(of instances: [ServiceProcess]) { self.instances = instances }

  var names: [String] { Array(killed.keys) }
  func contains(_ name: String) -> Bool { killed[name] != nil }

  mutating func left(_ name: String, kill: Int) { killed[name] = (kill, .now) }

  /// Those that are back, by the number of their last kill, and after how many milliseconds.
  mutating func returned() -> [(kill: Int, ms: Int)] {
    instances.compactMap { instance in
      guard let (kill, at) = killed[instance.name], instance.isServing else { return nil }
      killed[instance.name] = nil
      return (kill, Int(MonotonicTime.now.microseconds(since: at) / 1_000))
    }
  }
}

extension ServiceProcess {
  /// Whether this run does its work: takes draws, or has applied something.
  fileprivate var isServing: Bool { kind == .draw ? isReady : applied > 0 }
}
