import TestSupport
import Testing

/// A client on the detour reaches the broker through the proxy alone, and the others do not notice it.
@Suite(.enabled(if: KafkaBrokers.canStart, "needs a broker of a real Kafka: set KAFKA_HOME"))
struct DetourTests {
  @Test func theDetourIsTheOnlyWayForItsClients() throws {
    let stack = try LocalStack.startWithDetour([.kafka])
    defer { stack.end() }
    let (topic, detour) = ("test.detour", stack.kafkaDetourBootstrap)
    try stack.makeTopic(topic)
    #expect(stack.produce("direct", to: topic))
    #expect(stack.produce("by the detour", to: topic, at: detour))
    let listing = try Subprocess.run("kcat", ["-L", "-b", detour, "-t", topic])
    #expect(listing.contains("broker 1 at \(detour)"))

    stack.kafkaDetour.refuse()
    #expect(!stack.produce("refused", to: topic, at: detour, limitMs: 1_000))
    #expect(stack.produce("direct again", to: topic))
    stack.kafkaDetour.pass()
    #expect(stack.produce("passes again", to: topic, at: detour))

    // It is there after the broker's restart.
    try stack.restartKafka()
    #expect(stack.produce("after the restart", to: topic, at: detour, limitMs: 20_000))
    #expect(
      try stack.messages(topic) == [
        "direct", "by the detour", "direct again", "passes again", "after the restart",
      ])
  }
}
