import Foundation
import RedisClient
import TestSupport
import Testing

/// The producer fails for good, as librdkafka's may: the process ends and loses nothing that it answered.
@Suite(.serialized) struct FatalErrorTests {
  @Test func theServiceEndsAndAnotherOnesRelayBringsWhatIsLeft() throws {
    let stack = try LocalStack.start(LocalStack.Part.allCases)
    defer { stack.end() }
    let pair = try Pair(on: stack, stock: 100, settings: ["SLIDING_STOCK_RELAY_BATCH": "3"])
    let trigger = stack.directory + "/fatal"
    let doomed = try pair.startDraw(["SLIDING_STOCK_TEST_FATAL_FILE": trigger])
    #expect(try Visitor(pair, doomed).claim("ann").state == "claimed")
    // The broker is held still, so that events are on their way for certain.
    try freeze(stack.pid(.kafka))
    defer { kill(stack.pid(.kafka), SIGCONT) }
    let visitors = (0..<20).map { _ in Visitor(pair, doomed) }
    for (number, visitor) in visitors.enumerated() { try visitor.beginClaim("user-\(number)") }
    #expect(try eventually(within: 10) { try pair.locks() == 21 })
    try Data().write(to: URL(fileURLWithPath: trigger))
    for visitor in visitors { #expect(try visitor.reply().state == "pending") }
    #expect(try doomed.process.wait(within: 40) == .exited(1))
    #expect(doomed.lines("kafka_fatal").first?["level"] as? String == "alarm")
    #expect(doomed.lines("stopping_failed").count == 1)
    kill(stack.pid(.kafka), SIGCONT)

    // What was claimed is in Kafka or in the outbox, and reaches Postgres.
    let draw = try pair.startDraw()
    let worker = try pair.startWorker()
    #expect(
      try eventually(within: 60) {
        try pair.redis([RedisCommand("XLEN", "\(pair.stockKey):outbox")])[0].int == 0
      })
    #expect(try eventually(within: 30) { try pair.query("SELECT count(*) FROM claim") == "21" })
    for user in ["ann", "user-0", "user-19"] {
      #expect(try Visitor(pair, draw).look(user).state == "claimed")
    }
    for service in [draw, worker] { #expect(try service.process.terminate() == .exited(0)) }
  }
}
