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
    // Each of the group's own may be a rebalance, which takes the mock cluster up to 11 s.
    let counts = errors.map {
      Int.random(in: groupRequests.contains($0.request) ? 1...2 : 1...6, using: &random)
    }
    try sale.injure("error codes", back: .draws(withinMs: 20_000)) {
      for (error, count) in zip(errors, counts) {
        for broker in MockBrokers.ids {
          try brokers.fail(error.request, of: broker, with: error.code, count: count)
        }
      }
      let requests = Set(errors.map(\.request)).sorted { $0.rawValue < $1.rawValue }
      let given = Dictionary(grouping: zip(errors, counts), by: \.0.request).mapValues {
        $0.reduce(0) { $0 + $1.1 }
      }
      func left(_ request: MockBrokers.Request) throws -> [Int] {
        try MockBrokers.ids.map { try brokers.failuresLeft(request, of: $0) }
      }
      // One broker alone coordinates the group. A heartbeat's error that is left would break the group after this; those for
      // joining it are met only when a heartbeat's makes a member join again.
      let isHeartbeatHit = requests.contains(.heartbeat)
      let awaited = isHeartbeatHit ? [.heartbeat] : requests
      let isUsed = try eventually(within: isHeartbeatHit ? 90 : 8, everyMs: 200) {
        try awaited.allSatisfy { try left($0).contains(0) }
      }
      if isHeartbeatHit, !isUsed {
        throw TestSupportError("the group's heartbeats do not meet the errors that are left")
      }
      var met: [String] = []
      for request in requests {
        let all = given[request, default: 0] * MockBrokers.ids.count
        let count = try all - left(request).reduce(0, +)
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
      var (leaders, coordinators) = (0, 0)
      for _ in 0..<moves {
        let broker = MockBrokers.ids.randomElement(using: &random)!
        if Int.random(in: 0..<6, using: &random) == 0 {
          try brokers.setCoordinator(of: "group." + topic, to: broker)
          coordinators += 1
          continue
        }
        let isControl = Int.random(in: 0..<4, using: &random) == 0
        let name = isControl ? sale.deployment.controlTopic : topic
        let partition =
          isControl ? 0 : Int.random(in: 0..<Deployment.partitions, using: &random)
        try brokers.setLeader(of: name, partition: partition, to: broker)
        let listing = try Subprocess.run(
          "kcat", ["-L", "-b", sale.ground.stack.kafkaBootstrap, "-t", name])
        guard listing.contains("partition \(partition), leader \(broker),") else { return nil }
        leaders += 1
      }
      return "leaders moved \(leaders) times, the coordinator \(coordinators) times"
    }
    try sale.sellMore(100)
  },
  Fault(row: 13, name: "round-trips-2s", plan: mockPlan, breaks: [.kafka], isCombinable: false) {
    sale, random in
    try sale.sell(Int.random(in: 100...300, using: &random))
    let brokers = sale.ground.stack.mockBrokers
    let ms = Int.random(in: 4_000...10_000, using: &random)
    try sale.injure("round trips of 2 s", back: .draws(withinMs: 20_000)) {
      defer {
        for id in MockBrokers.ids {
          sale.setBack("round trips") { try brokers.setRoundTrip(of: id, ms: 0) }
        }
      }
      let lost = sale.leasesLost
      let beginUs = nowUs()
      for id in MockBrokers.ids { try brokers.setRoundTrip(of: id, ms: 2_000) }
      let askedUs = nowUs()
      try Subprocess.run("kcat", ["-L", "-b", sale.ground.stack.kafkaBootstrap, "-m", "30"])
      let tripMs = (nowUs() - askedUs) / 1_000
      Timing.last(ms: ms, since: beginUs)
      return tripMs >= 2_000
        ? "a client waited \(tripMs) ms, \(sale.leasesLost - lost) leases lost" : nil
    }
    try sale.sellMore(100)
  },
]

/// The mock cluster lets 3 s pass before a group begins, and throws out who says nothing meanwhile for a session's time.
private let mockPlan = Plan(
  ground: .mock, stock: 3_000, rate: 80,
  settings: ["SLIDING_STOCK_KAFKA_SESSION_TIMEOUT_MS": "6000"],
  limitS: 180)

private let groupRequests: Set<MockBrokers.Request> = [.heartbeat, .joinGroup, .syncGroup]

/// What a broker may answer, by librdkafka's names. Not among them: that an offset is not there, which stops a partition for good.
private let errorCodes: [(request: MockBrokers.Request, code: String)] = [
  (.produce, "NOT_LEADER_FOR_PARTITION"), (.produce, "REQUEST_TIMED_OUT"),
  (.produce, "NOT_ENOUGH_REPLICAS"), (.produce, "NOT_ENOUGH_REPLICAS_AFTER_APPEND"),
  (.produce, "LEADER_NOT_AVAILABLE"), (.produce, "UNKNOWN_TOPIC_OR_PART"),
  (.produce, "KAFKA_STORAGE_ERROR"), (.produce, "_TRANSPORT"),
  (.fetch, "NOT_LEADER_FOR_PARTITION"), (.fetch, "_TRANSPORT"), (.fetch, "UNKNOWN"),
  (.metadata, "_TRANSPORT"), (.heartbeat, "REBALANCE_IN_PROGRESS"),
  (.heartbeat, "UNKNOWN_MEMBER_ID"), (.heartbeat, "ILLEGAL_GENERATION"),
  (.heartbeat, "NOT_COORDINATOR"), (.offsetCommit, "COORDINATOR_NOT_AVAILABLE"),
  (.findCoordinator, "COORDINATOR_NOT_AVAILABLE"), (.joinGroup, "COORDINATOR_LOAD_IN_PROGRESS"),
  (.syncGroup, "REBALANCE_IN_PROGRESS"),
]
