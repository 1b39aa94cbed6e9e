import Glibc
import RedisClient
import TestSupport
import Testing

/// What a DrawService says when it can't know whether a newer epoch exists, or knows that one does.
@Suite(
  .serialized,
  .enabled(if: hasRealKafka && getenv("KAFKA_HOME") != nil, "needs Kafka's tools: set KAFKA_HOME"))
struct LeaseTests {
  private static let settings = [
    "SLIDING_STOCK_LEASE_DURATION_MS": "2500", "SLIDING_STOCK_LEASE_HEARTBEAT_MS": "300",
  ]

  /// Claims go on to be acknowledged, heartbeats don't: nothing out of Redis is final, and nothing is claimed.
  @Test func withoutALeaseNothingFinalIsSaid() throws {
    let pair = try Pair(stock: 10, settings: Self.settings)
    let draw = try pair.startDraw()
    let visitor = Visitor(pair, draw)
    #expect(try visitor.claim("ann").state == "claimed")
    #expect(eventually(within: 10) { draw.lines("lease_gained").count == 1 })

    // The topic of events takes messages as before, and the control topic none.
    try configure(pair, "--add-config", "max.message.bytes=1")
    #expect(try eventually(within: 20) { try visitor.readiness() == "not ready: lease" })
    for reply in [
      try visitor.claim("bob"), try visitor.claim("ann"), try visitor.release("ann"),
      try visitor.describe(), try visitor.look("bob"), try visitor.describe(activity: 1),
    ] {
      #expect(reply.status == 503 && reply.code == "unavailable")
      #expect(reply.headers["retry-after"] != nil)
    }
    #expect(try visitor.look("ann").state == "pending")
    #expect(try pair.locks() == 1)
    let lost = draw.lines("lease_lost")
    #expect(lost.count == 1 && lost.first?["level"] as? String == "alarm")
    #expect((lost.first?["why"] as? String)?.contains("not acknowledged") == true)

    try configure(pair, "--delete-config", "max.message.bytes")
    #expect(try eventually(within: 20) { try visitor.readiness() == "ready" })
    #expect(try visitor.look("ann").state == "claimed")
    #expect(try visitor.claim("bob").state == "claimed")
    #expect(try visitor.describe(activity: 1).code == "unknown_activity")
    #expect(draw.lines("lease_gained").count == 2 && draw.lines("lease_lost").count == 1)
    #expect(try draw.process.terminate() == .exited(0))
  }

  /// As from the moment at which a recovery has announced its epoch until it has opened Redis under it.
  @Test func aNewerEpochFencesWhatRedisHas() throws {
    let pair = try Pair(stock: 10, settings: Self.settings)
    let draw = try pair.startDraw()
    let visitor = Visitor(pair, draw)
    #expect(try visitor.claim("ann").state == "claimed")
    let record = #"{"v":1,"type":"epoch","epoch":2,"time":1}"#
    try Subprocess.run(
      "bash",
      [
        "-c",
        "printf '%s' '\(record)' | kcat -P -b \(pair.stack.kafkaBootstrap) -k epoch-2 -t "
          + pair.environment["SLIDING_STOCK_KAFKA_CONTROL_TOPIC"]!,
      ])
    #expect(try eventually(within: 20) { try visitor.readiness() == "not ready: fenced" })
    for reply in [try visitor.claim("bob"), try visitor.look("ann"), try visitor.describe()] {
      #expect(reply.status == 503 && reply.code == "fenced")
    }
    #expect(draw.lines("epoch_seen").last?["epoch"] as? Int == 2)
    let fenced = draw.lines("fenced")
    #expect(fenced.count == 1 && fenced.first?["reason"] as? String == "oldEpoch")
    #expect(try pair.locks() == 1)

    // Epoch 2 is opened: the lock keeps epoch 1, and is final under the new lease.
    _ = try pair.redis([
      RedisCommand("HSET", pair.stockKey, "epoch", "2"),
      RedisCommand("HSET", "stock:fence", "epoch", "2"),
    ])
    #expect(try visitor.look("ann").state == "claimed")
    #expect(try visitor.claim("bob").state == "claimed")
    #expect(try eventually(within: 10) { try visitor.readiness() == "ready" })
    #expect(draw.lines("fence_over").count == 1)
    #expect(try draw.process.terminate() == .exited(0))
  }

  /// Changes the control topic with Kafka's own tool.
  private func configure(_ pair: Pair, _ change: String, _ setting: String) throws {
    try Subprocess.run(
      "\(String(cString: getenv("KAFKA_HOME")))/bin/kafka-configs.sh",
      [
        "--bootstrap-server", pair.stack.kafkaBootstrap, "--alter", "--entity-type", "topics",
        "--entity-name", pair.environment["SLIDING_STOCK_KAFKA_CONTROL_TOPIC"]!, change, setting,
      ], within: 60)
  }
}
