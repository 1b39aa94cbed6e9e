import Foundation
import TestSupport
import Threads

/// What real brokers do too seldom to wait for: played by librdkafka's mock cluster.
let mockFaults = [
  Fault(row: 13, name: "error-codes", plan: mockPlan, breaks: [.kafka], isCombinable: false) {
    sale, random in
    try sale.sell(Int.random(in: 100...300, using: &random))
    let brokers = sale.ground.stack.mockBrokers
    let errors = errorCodes.shuffled(using: &random).prefix(8)
    let counts = errors.map { _ in Int.random(in: 1...6, using: &random) }
    try sale.injure("error codes", back: .draws(withinMs: 20_000)) {
      for (error, count) in zip(errors, counts) {
        for broker in MockBrokers.ids {
          try brokers.fail(error.request, of: broker, with: error.code, count: count)
        }
      }
      // A broker that leads nothing, or coordinates no group, may not be asked: produce is, of all that lead.
      func left(_ request: MockBrokers.Request) throws -> Int {
        try MockBrokers.ids.reduce(0) { try $0 + brokers.failuresLeft(request, of: $1) }
      }
      let requests = Set(errors.map(\.request)).sorted { $0.rawValue < $1.rawValue }
      let given = Dictionary(grouping: zip(errors, counts), by: \.0.request).mapValues {
        $0.reduce(0) { $0 + $1.1 * MockBrokers.ids.count }
      }
      try eventually(within: 10, everyMs: 200) { try requests.allSatisfy { try left($0) == 0 } }
      var met: [String] = []
      for request in requests {
        let count = try given[request, default: 0] - left(request)
        if count > 0 { met.append("\(count) of \(request.rawValue)") }
      }
      return met.isEmpty ? nil : "requests failed: " + met.joined(separator: ", ")
    }
    try sale.sellMore(100)
  },
  Fault(row: 13, name: "leader-moves", plan: mockPlan, breaks: [.kafka], isCombinable: false) {
    sale, random in
    try sale.sell(Int.random(in: 100...200, using: &random))
    let brokers = sale.ground.stack.mockBrokers
    let topic = sale.deployment.topic
    let moves = Int.random(in: 20...40, using: &random)
    try sale.injure("leaders and coordinators move", back: .draws(withinMs: 20_000)) {
      var coordinators = 0
      for _ in 0..<moves {
        let broker = MockBrokers.ids.randomElement(using: &random)!
        switch Int.random(in: 0..<6, using: &random) {
        case 0:
          try brokers.setCoordinator(of: "group." + topic, to: broker)
          coordinators += 1
        case 1:
          try brokers.setLeader(of: sale.deployment.controlTopic, partition: 0, to: broker)
        default:
          let partition = Int.random(in: 0..<Deployment.partitions, using: &random)
          try brokers.setLeader(of: topic, partition: partition, to: broker)
        }
      }
      return "\(moves) moves, \(coordinators) of them of the coordinator"
    }
    try sale.sellMore(100)
  },
  Fault(row: 13, name: "round-trips-2s", plan: mockPlan, breaks: [.kafka], isCombinable: false) {
    sale, random in
    try sale.sell(Int.random(in: 100...300, using: &random))
    let brokers = sale.ground.stack.mockBrokers
    let ms = Int.random(in: 4_000...10_000, using: &random)
    try sale.injure("round trips of 2 s", back: .draws(withinMs: 20_000)) {
      defer { for id in MockBrokers.ids { try? brokers.setRoundTrip(of: id, ms: 0) } }
      let lost = sale.leasesLost
      let beginUs = nowUs()
      for id in MockBrokers.ids { try brokers.setRoundTrip(of: id, ms: 2_000) }
      let askedUs = nowUs()
      try Subprocess.run("kcat", ["-L", "-b", sale.ground.stack.kafkaBootstrap, "-m", "30"])
      let tripMs = (nowUs() - askedUs) / 1_000
      // Not a wait for luck: that long is the fault.
      let restMs = ms - Int((nowUs() - beginUs) / 1_000)
      if restMs > 0 { usleep(UInt32(restMs) * 1_000) }
      return tripMs >= 2_000
        ? "a client waited \(tripMs) ms, \(sale.leasesLost - lost) leases lost" : nil
    }
    try sale.sellMore(100)
  },
]

private let mockPlan = Plan(ground: .mock, rate: 150, limitS: 180)

/// What a broker may answer, by librdkafka's names. Not among them: that an offset is not there, which stops a partition for good.
private let errorCodes: [(request: MockBrokers.Request, code: String)] = [
  (.produce, "NOT_LEADER_FOR_PARTITION"), (.produce, "REQUEST_TIMED_OUT"),
  (.produce, "NOT_ENOUGH_REPLICAS"), (.produce, "NOT_ENOUGH_REPLICAS_AFTER_APPEND"),
  (.produce, "LEADER_NOT_AVAILABLE"), (.produce, "UNKNOWN_TOPIC_OR_PART"),
  (.produce, "KAFKA_STORAGE_ERROR"), (.produce, "_TRANSPORT"),
  (.fetch, "NOT_LEADER_FOR_PARTITION"), (.fetch, "_TRANSPORT"),
  (.metadata, "_TRANSPORT"), (.heartbeat, "REBALANCE_IN_PROGRESS"),
  (.heartbeat, "UNKNOWN_MEMBER_ID"), (.heartbeat, "ILLEGAL_GENERATION"),
  (.heartbeat, "NOT_COORDINATOR"), (.offsetCommit, "COORDINATOR_NOT_AVAILABLE"),
  (.findCoordinator, "COORDINATOR_NOT_AVAILABLE"), (.joinGroup, "COORDINATOR_LOAD_IN_PROGRESS"),
  (.syncGroup, "REBALANCE_IN_PROGRESS"),
]
