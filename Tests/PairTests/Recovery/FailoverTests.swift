import Foundation
import TestSupport
import Testing
import Threads

@testable import Crowd

/// A replica takes over that lags, and one DrawService goes on with the old primary.
///
/// Services find the new primary at the address that they know: a proxy in front of it, a virtual address or a name that is
/// moved. They reconnect when the old connection is cut, and learn from the fence that it is another server; where nothing cuts
/// it, the fence has them look where the address leads now.
@Suite(
  .serialized, .enabled(if: KafkaBrokers.canStart, "needs a broker of a real Kafka: set KAFKA_HOME")
)
struct FailoverTests {
  @Test func aLaggingReplicaTakesOverWhileTheOldPrimaryStillServes() throws {
    let stock = 2_500
    let stack = try RecoveryStack.get()
    // Before the sale: a first replica is another replication id, and so a recovery.
    let replica = try stack.startRedisReplica()
    let moved = try RedirectingProxy(to: stack.redisPort)
    let left = try RedirectingProxy(to: stack.redisPort)
    defer {
      moved.end()
      left.end()
    }
    let pair = try Pair(
      on: stack, stock: stock,
      settings: Round.settings.merging([
        "SLIDING_STOCK_REDIS_SOCKET": "", "SLIDING_STOCK_REDIS_PORT": "\(moved.port)",
      ]) { $1 })
    let round = try Round(
      pair, draws: [[:], ["SLIDING_STOCK_REDIS_PORT": "\(left.port)"]], stock: stock, rate: 250)
    try round.sell(200)
    replica.holdReplication()
    try round.sellMore(150)
    let loss = try round.lose {
      let missingBytes = try replica.promote()
      #expect(missingBytes > 0)
      moved.redirect(to: replica.port)
      moved.cut()
    }
    try round.awaitRecovery()

    // The old primary answers, and the service on it knows better.
    #expect(try stack.redis("ping") == "PONG")
    let draw = round.draws[1]
    #expect(
      try eventually(within: 10) {
        let reply = try HTTPTestClient(port: draw.port!).send(
          "POST", "/v1/activities/\(pair.activity)/draws",
          ["X-User-Id": "late", "Idempotency-Key": "late-1"])
        return reply.status == 503 && reply.code == "fenced"
      })
    #expect(
      try HTTPTestClient(port: draw.port!).send("GET", "/readyz").status == 503)
    left.redirect(to: replica.port)
    #expect(
      try eventually(within: 10) {
        try HTTPTestClient(port: draw.port!).send("GET", "/readyz").status == 200
      })
    let rejoinedUs = MonotonicTime.now.nanoseconds / 1_000

    let record = try round.finish("failover")
    let onOldPrimary = record.claims.filter {
      $0.service == 1 && $0.answeredUs > loss.atUs && $0.answeredUs < rejoinedUs
    }
    let afterwards = record.claims.count { $0.service == 1 && $0.answeredUs > rejoinedUs }
    print(
      "failover: \(onOldPrimary.count) told `claimed` on the old primary after the promotion, all kept; "
        + "\(afterwards) by the same service after it moved")
    #expect(afterwards > 0)
    // `finish` held every one of them against both stores. Where the new one has them, they went through Kafka.
    #expect(!onOldPrimary.isEmpty, "the old primary took no claims: this showed nothing")
    try round.end()
  }
}
