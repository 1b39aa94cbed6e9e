import Glibc
import TestSupport
import Testing
import Threads

@testable import Crowd

/// The control topic away, slow, or led by a broker that was cut off: no `claimed` without a lease, and back by itself.
@Suite(
  .serialized,
  .enabled(if: KafkaBrokers.canStart, "needs three brokers of a real Kafka: set KAFKA_HOME"))
struct ControlTopicTests {
  /// Two of three brokers are gone, so that nothing is acknowledged by enough replicas.
  @Test func away() throws {
    let brokers = try Self.brokers()
    let round = try round(on: brokers, stock: 2_500)
    try round.sell(150)
    for id in 1...2 { try brokers.kill(id) }
    let silence = try silence(
      of: round.draws, after: { for id in 1...2 { try brokers.restart(id) } })
    try finish(round, "control topic away", silence, services: [0, 1])
  }

  /// Every broker keeps its connections and says nothing for longer than the lease.
  @Test func slow() throws {
    let brokers = try Self.brokers()
    let round = try round(on: brokers, stock: 2_500)
    try round.sell(150)
    for id in KafkaBrokers.ids { try brokers.pause(id) }
    let silence = try silence(
      of: round.draws, after: { for id in KafkaBrokers.ids { try brokers.resume(id) } })
    try finish(round, "control topic slow", silence, services: [0, 1])
  }

  /// All that one DrawService reaches is old: the broker that led the control topic, cut off from the others, and the Redis
  /// that a replica has replaced. Both go on answering it. Meanwhile the others recover and sell.
  @Test func ledByABrokerThatWasCutOff() throws {
    let brokers = try Self.brokers()
    let stack = brokers.stack
    let replica = try stack.startRedisReplica()
    let moved = try RedirectingProxy(to: stack.redisPort)
    let left = try RedirectingProxy(to: stack.redisPort)
    defer {
      moved.end()
      left.end()
    }
    // Only the control topic loses its leader: events whose leader is cut off and still reached come late.
    let (control, events) = ("test.control-\(moved.port)", "test.events-\(moved.port)")
    try makeTopic(control, "3:1:2", brokers)
    try makeTopic(events, "1:2:3,2:1:3", brokers)
    let round = try round(
      on: brokers, stock: 4_000,
      settings: [
        "SLIDING_STOCK_KAFKA_CONTROL_TOPIC": control, "SLIDING_STOCK_KAFKA_TOPIC": events,
        "SLIDING_STOCK_KAFKA_PARTITIONS": "2",
        "SLIDING_STOCK_REDIS_SOCKET": "", "SLIDING_STOCK_REDIS_PORT": "\(moved.port)",
      ],
      draws: [
        [:],
        [
          "SLIDING_STOCK_REDIS_PORT": "\(left.port)",
          "SLIDING_STOCK_KAFKA_BOOTSTRAP": brokers.detour,
        ],
      ])
    try round.sell(150)
    replica.holdReplication()
    try round.sellMore(100)

    let leader = try #require(brokers.leader(of: control))
    brokers.cutOff(leader)
    for id in KafkaBrokers.ids where id != leader { brokers.closeDetour(id) }
    try round.lose {
      try replica.promote()
      moved.redirect(to: replica.port)
      moved.cut()
    }
    let silence = try silence(of: [round.draws[1]]) {
      try round.awaitRecovery(within: 120)
      // The one that was left behind still sees a leader and a Redis, and both of the past.
      #expect(brokers.leader(of: control, askedOf: leader) == leader)
      let seen = round.draws[1].lines("epoch_seen").compactMap { $0["epoch"] as? Int }
      #expect(seen.allSatisfy { $0 < 2 })
      try round.sellMore(100)
    } after: {
      brokers.reconnect(leader)
      for id in KafkaBrokers.ids { brokers.openDetour(id) }
      left.redirect(to: replica.port)
      left.cut()
    }
    try finish(round, "control topic led by the past", silence, services: [1])
  }

  /// Three brokers for all of these tests, ended with the process.
  private static let shared = Lock<KafkaBrokers?>(nil)

  private static func brokers() throws -> KafkaBrokers {
    try shared.withLock { shared in
      if let shared { return shared }
      let started = try KafkaBrokers.start(with: [.redis, .postgres])
      shared = started
      return started
    }
  }

  private func round(
    on brokers: KafkaBrokers, stock: Int, settings: [String: String] = [:],
    draws: [[String: String]] = [[:], [:]]
  ) throws -> Round {
    // A broker takes up to 3 s to be missed: a member of the group has more.
    let own = ["SLIDING_STOCK_KAFKA_SESSION_TIMEOUT_MS": "6000"].merging(settings) { $1 }
    let pair = try Pair(
      on: brokers.stack, stock: stock, settings: Round.settings.merging(own) { $1 })
    return try Round(pair, draws: draws, stock: stock)
  }

  /// `replicas`: of each partition, the leader first.
  private func makeTopic(_ name: String, _ replicas: String, _ brokers: KafkaBrokers) throws {
    let home = try #require(getenv("KAFKA_HOME").map { String(cString: $0) })
    try Subprocess.run(
      home + "/bin/kafka-topics.sh",
      [
        "--bootstrap-server", brokers.stack.kafkaBootstrap, "--create", "--topic", name,
        "--replica-assignment", replicas, "--config", "min.insync.replicas=2",
      ])
  }

  /// While services had no lease, as the test saw it.
  private struct Silence {
    let fromUs: Int64
    let toUs: Int64
  }

  /// Waits until these have lost their lease, does something, and stays a second longer; then lets the fault end by
  /// `after`, and waits until they have gained a lease and are ready by themselves.
  private func silence(
    of services: [Service], _ during: () throws -> Void = {}, after: () throws -> Void
  ) throws -> Silence {
    func now() -> Int64 { MonotonicTime.now.nanoseconds / 1_000 }
    let isLost = eventually(within: 20) { services.allSatisfy { !$0.hasLease } }
    guard isLost else { throw TestSupportError("the lease was not lost") }
    // What was answered before is on its way to the crowd.
    let fromUs = now() + 300_000
    try during()
    #expect(!eventually(within: 1.3) { services.contains { $0.hasLease } })
    let toUs = now()
    try after()
    let isBack = try eventually(within: 120, everyMs: 50) {
      try services.allSatisfy {
        try HTTPTestClient(port: $0.port!).send("GET", "/readyz").status == 200
      }
    }
    #expect(isBack)
    return Silence(fromUs: fromUs, toUs: toUs)
  }

  private func finish(
    _ round: Round, _ name: String, _ silence: Silence, services: Set<Int>
  ) throws {
    let record = try round.finish(name)
    func isDuring(_ us: Int64) -> Bool { silence.fromUs <= us && us <= silence.toUs }
    let claimed = record.claimedUs.count { services.contains($0.service) && isDuring($0.us) }
    let undecided =
      record.pendings.count { services.contains($0.service) && isDuring($0.us) }
      + record.refusals.count { services.contains($0.service) && isDuring($0.us) }
    let afterwards = record.claims.count {
      services.contains($0.service) && $0.answeredUs > silence.toUs
    }
    print(
      "\(name): \((silence.toUs - silence.fromUs) / 1_000) ms without a lease: \(claimed) told "
        + "`claimed`, \(undecided) told `pending` or 503; \(afterwards) sold afterwards")
    #expect(claimed == 0)
    #expect(undecided > 0)
    #expect(afterwards > 0)
    try round.end()
  }
}

extension Service {
  /// As its log says.
  fileprivate var hasLease: Bool { lines("lease_gained").count > lines("lease_lost").count }
}
