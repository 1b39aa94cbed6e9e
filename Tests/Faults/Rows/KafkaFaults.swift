import Foundation
import Glibc
import TestSupport

/// Kafka that is gone for a while.
let kafkaFaults = [
  Fault(
    row: 11, name: "kafka-killed", plan: outagePlan(on: .single), breaks: [.kafka],
    isCombinable: false
  ) {
    sale, random in
    try sale.sell(Int.random(in: 100...300, using: &random))
    let stack = sale.ground.stack
    try outage(sale, "Kafka killed", within: 20_000) {
      let pid = stack.pid(.kafka)
      try stack.kill(.kafka)
      // Whoever inherited it may not have fetched its status yet.
      let state = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
      guard state?.contains(") Z ") ?? true else {
        throw TestSupportError("broker \(pid) still runs")
      }
      return "broker \(pid) killed"
    } mend: {
      try stack.restart(.kafka)
    }
  },
  Fault(
    row: 11, name: "kafka-stopped", plan: outagePlan(on: .single), breaks: [.kafka],
    isCombinable: false
  ) {
    sale, random in
    try sale.sell(Int.random(in: 100...300, using: &random))
    let pid = sale.ground.stack.pid(.kafka)
    // Alive, and silent: connections stay, nothing is answered.
    try outage(sale, "Kafka stopped", within: 20_000) {
      guard kill(pid, SIGSTOP) == 0 else { throw TestSupportError("broker \(pid) is not there") }
      return "broker \(pid) stopped"
    } mend: {
      kill(pid, SIGCONT)
    }
  },
  Fault(
    row: 11, name: "two-brokers-killed", plan: outagePlan(on: .brokers), breaks: [.kafka],
    isCombinable: false
  ) { sale, random in
    try sale.sell(Int.random(in: 100...300, using: &random))
    guard let brokers = sale.ground.brokers else { throw TestSupportError("no brokers") }
    // One is left: it can be asked, and takes nothing, for it is too few.
    let gone = KafkaBrokers.ids.shuffled(using: &random).prefix(2)
    defer {
      for id in gone { sale.setBack("broker \(id)") { try brokers.restart(id) } }
    }
    try outage(sale, "two brokers killed", within: 30_000) {
      for id in gone { try brokers.kill(id) }
      return "brokers \(gone.map(String.init).joined(separator: ", ")) killed"
    } mend: {
      try brokers.restart(gone[0])  // Two are enough.
    }
  },
]

/// Draws go on until the leases end, and when some of Kafka is back: slower than usual, so that stock is left.
private func outagePlan(on ground: Ground.Kind) -> Plan {
  Plan(ground: ground, rate: 100, limitS: 120 + Int(2 * Timing.outageS))
}

/// Kafka is away for `Timing.outageS`. Shown by what the pair says: draws that were not told `claimed`, and leases lost.
private func outage(
  _ sale: Sale, _ name: String, within backMs: Int, break take: () throws -> String,
  mend: () throws -> Void
) throws {
  try sale.injure(name, back: .draws(withinMs: backMs)) {
    let lost = sale.leasesLost
    let beginUs = nowUs()
    var isMended = false
    defer { if !isMended { sale.setBack(name, mend) } }
    let what = try take()
    let isFelt = eventually(within: Timing.outageS, everyMs: 50) {
      sale.draws.allSatisfy { !$0.isReady }
    }
    Timing.last(ms: Int(Timing.outageS * 1_000), since: beginUs)
    let heldThen = try sale.held()
    let ms = (nowUs() - beginUs) / 1_000
    try mend()
    isMended = true
    let more = sale.leasesLost - lost
    return isFelt && more > 0
      ? "\(what) for \(ms) ms, \(more) leases lost, \(heldThen) slots held meanwhile" : nil
  }
  try sale.sellMore(100)
}

extension Sale {
  /// How often a DrawService has said that it draws no more, for Kafka does not tell it its epoch.
  var leasesLost: Int { draws.reduce(0) { $0 + $1.events("lease_lost").count } }
}
