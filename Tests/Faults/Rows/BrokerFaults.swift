import Foundation
import TestSupport

/// Leaders and coordinators that move, on three brokers of a real Kafka.
let brokerFaults = [
  leaderFault("leader-killed") { brokers, id in
    try brokers.kill(id)
  } mend: { brokers, id in
    try brokers.restart(id)
  },
  // It goes on believing that it leads, and still answers clients.
  leaderFault("leader-cut-off") { brokers, id in
    brokers.cutOff(id)
  } mend: { brokers, id in
    brokers.reconnect(id)
  },
  // It wakes as one that believes that it leads.
  leaderFault("leader-stopped") { brokers, id in
    try brokers.pause(id)
  } mend: { brokers, id in
    try brokers.resume(id)
  },
  Fault(
    row: 13, name: "brokers-in-turn", plan: brokersPlan(rate: 25), breaks: [.kafka],
    isCombinable: false
  ) { sale, random in
    guard let brokers = sale.ground.brokers else { throw TestSupportError("no brokers") }
    try sale.sell(Int.random(in: 50...200, using: &random))
    let order = KafkaBrokers.ids.shuffled(using: &random)
    // Every leader and the group's coordinator move at least once.
    try sale.injure("brokers restarted in turn", back: .draws(withinMs: 20_000)) {
      var moves: [String] = []
      let topic = sale.deployment.topic
      for id in order {
        let its = (0..<Deployment.partitions).filter {
          brokers.leader(of: topic, partition: $0) == id
        }
        try brokers.stop(id)
        defer { sale.setBack("broker \(id)") { try brokers.restart(id) } }
        for partition in its {
          let new = try brokers.awaitLeader(of: topic, partition: partition, otherThan: id)
          moves.append("\(partition): \(id) to \(new)")
        }
      }
      return moves.isEmpty ? nil : "leaders moved, " + moves.joined(separator: ", ")
    }
    try sale.sellMore(50)
  },
]

/// Most of the time draws go on: slower than usual, so that stock is left when the brokers have started again.
private func brokersPlan(rate: Int) -> Plan {
  Plan(ground: .brokers, stock: 4_000, rate: rate, limitS: 240)
}

/// The leader of a partition of the events is taken away until another leads.
private func leaderFault(
  _ name: String, break take: @escaping @Sendable (KafkaBrokers, Int) throws -> Void,
  mend: @escaping @Sendable (KafkaBrokers, Int) throws -> Void
) -> Fault {
  Fault(row: 13, name: name, plan: brokersPlan(rate: 50), breaks: [.kafka], isCombinable: false) {
    sale, random in
    guard let brokers = sale.ground.brokers else { throw TestSupportError("no brokers") }
    try sale.sell(Int.random(in: 50...200, using: &random))
    let topic = sale.deployment.topic
    let partition = Int.random(in: 0..<Deployment.partitions, using: &random)
    try sale.injure(name, back: .draws(withinMs: 20_000)) {
      guard let old = brokers.leader(of: topic, partition: partition) else { return nil }
      var isMended = false
      defer { if !isMended { sale.setBack(name) { try mend(brokers, old) } } }
      try take(brokers, old)
      let new = try brokers.awaitLeader(of: topic, partition: partition, otherThan: old)
      try mend(brokers, old)
      isMended = true
      return "partition \(partition): leader \(old) to \(new)"
    }
    try sale.sellMore(50)
  }
}
