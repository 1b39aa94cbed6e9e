import Foundation
import Glibc
import TestSupport
import Threads

/// Workers that the group takes for dead, and a group that never comes to rest.
let memberFaults = [
  Fault(row: 3, name: "worker-stopped", breaks: [.workers], inflict: stopWorker),
  Fault(
    row: 14, name: "rebalance-storm", plan: Plan(stock: 4_000, workers: [[:], [:], [:]]),
    breaks: [.workers], inflict: rebalanceStorm),
]

/// Longest time that a stopped worker can hold back the others: an open transaction of its own, which Postgres
/// ends after `postgres.statement-timeout-ms` (30 s by default), and the session timeout.
private let zombieLimitS = 45.0

private func stopWorker(_ sale: Sale, _ random: inout Seeded) throws {
  let zombie = sale.workers.randomElement(using: &random)!
  try sale.sell(.random(in: 50...300, using: &random))
  let its = try zombie.awaitPartitions()
  let name = "SIGSTOP of \(zombie.name) past its session timeout"
  let linesBefore = zombie.log.utf8.count
  try sale.injure(name, back: .worker(withinMs: workerBackMs), partitions: its) {
    let others = sale.workers.filter { $0.name != zombie.name && $0.isRunning }
    try zombie.signal(SIGSTOP)
    defer { zombie.process.signal(SIGCONT) }
    let from = MonotonicTime.now
    let isTakenOver = eventually(within: zombieLimitS, everyMs: 20) {
      Set(others.flatMap(\.partitions)).isSuperset(of: its)
    }
    guard isTakenOver else { return nil }
    let takenMs = MonotonicTime.now.microseconds(since: from) / 1_000
    let then = try sale.offsets()
    let isApplied = try eventually(within: zombieLimitS, everyMs: 20) {
      let now = try sale.offsets()
      return its.contains { now[$0] ?? 0 > then[$0] ?? 0 }
    }
    try zombie.signal(SIGCONT)
    return isApplied
      ? "partitions \(its) taken over after \(takenMs) ms, applied from" : nil
  }
  sale.prove(name) {
    let after = String(decoding: zombie.log.utf8.dropFirst(linesBefore), as: UTF8.self)
    let told = ["partitions_lost", "revoked", "position_lost", "postgres_away", "assigned"]
      .filter { after.contains("\"event\":\"\($0)\"") }
    return told.contains("partitions_lost") || told.contains("revoked")
      ? "the zombie said " + told.joined(separator: ", ") : nil
  }
  try sale.sellMore(100)
}

/// Joins and leaves of a storm, one a second.
private let stormSteps = 8

private func rebalanceStorm(_ sale: Sale, _ random: inout Seeded) throws {
  try sale.sell(.random(in: 50...300, using: &random))
  let name = "a worker joins or leaves every second"
  let before = assignments(sale)
  try sale.injure(name, back: .worker(withinMs: 15_000)) {
    var stopped: Set<String> = []
    defer { for worker in sale.workers { worker.process.signal(SIGCONT) } }
    var steps: [String] = []
    let beginUs = nowUs()
    for step in 0..<stormSteps {
      Timing.last(ms: step * 1_000, since: beginUs)
      let worker = sale.workers.randomElement(using: &random)!
      steps.append(try change(worker, &stopped, &random))
    }
    for worker in sale.workers {
      if stopped.contains(worker.name) { try worker.signal(SIGCONT) }
      if !worker.isRunning { try worker.start() }
    }
    return steps.joined(separator: " ")
  }
  sale.prove(name) {
    let count = assignments(sale) - before
    return count >= stormSteps / 2 ? "\(count) assignments" : nil
  }
  guard eventually(within: 30, everyMs: 50, { sale.workers.allSatisfy { !$0.partitions.isEmpty } })
  else { throw TestSupportError("a worker got no partitions after the storm") }
  try sale.sellMore(100)
}

/// Lets a worker leave, or come back if it has left; says what.
private func change(
  _ worker: ServiceProcess, _ stopped: inout Set<String>, _ random: inout Seeded
) throws -> String {
  if stopped.remove(worker.name) != nil {
    try worker.signal(SIGCONT)
    return "\(worker.name) SIGCONT"
  }
  guard worker.isRunning else {
    try worker.start()
    return "\(worker.name) started"
  }
  switch Int.random(in: 0..<3, using: &random) {
  case 0:
    try worker.terminate()
    return "\(worker.name) SIGTERM"
  case 1:
    _ = try worker.kill()
    return "\(worker.name) SIGKILL"
  default:
    try worker.signal(SIGSTOP)
    stopped.insert(worker.name)
    return "\(worker.name) SIGSTOP"
  }
}

/// Of the whole group: while both of these are away, one that no fault knows of is given partitions.
private func assignments(_ sale: Sale) -> Int {
  (sale.workers + sale.spared.filter { $0.kind == .worker }).reduce(0) {
    $0 + $1.events("assigned").count
  }
}
