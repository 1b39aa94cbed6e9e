import TestSupport
import Testing
import Threads

/// The mock's faults are real: clients meet them.
@Suite struct MockBrokersTests {
  @Test func whatMockBrokersDoOnCommand() throws {
    let stack = try LocalStack.startOnMock([.kafka])
    defer { stack.end() }
    let (mock, topic) = (stack.mockBrokers, try stack.freshTopic(partitions: 1))
    #expect(try Subprocess.run("kcat", ["-L", "-b", stack.kafkaBootstrap]).contains("3 brokers"))
    try mock.setLeader(of: topic, partition: 0, to: 1)
    #expect(stack.produce("first", to: topic))

    // Errors that go by are tried again, and are used up.
    try mock.fail(.produce, of: 1, with: "NOT_LEADER_FOR_PARTITION", count: 2)
    #expect(try mock.failuresLeft(.produce, of: 1) == 2)
    #expect(stack.produce("tried again", to: topic))
    #expect(try mock.failuresLeft(.produce, of: 1) == 0)
    // One that does not, is the end of it.
    try mock.fail(.produce, of: 1, with: "TOPIC_AUTHORIZATION_FAILED")
    #expect(!stack.produce("refused", to: topic))

    // In the log, and acknowledged too late for the client.
    try mock.fail(.produce, of: 1, with: "NO_ERROR", lateMs: 4_000)
    #expect(!stack.produce("in the dark", to: topic, limitMs: 1_000))
    #expect(try stack.messages(topic) == ["first", "tried again", "in the dark"])

    // The broker that leads is not reached, until another one does.
    try mock.setDown(1)
    #expect(!stack.produce("never", to: topic, limitMs: 1_000))
    try mock.setLeader(of: topic, partition: 0, to: 2)
    #expect(stack.produce("moved", to: topic))
    try mock.setUp(1)

    for broker in MockBrokers.ids { try mock.setRoundTrip(of: broker, ms: 300) }
    let started = MonotonicTime.now
    #expect(stack.produce("slow", to: topic))
    #expect(MonotonicTime.now.microseconds(since: started) >= 900_000)
    for broker in MockBrokers.ids { try mock.setRoundTrip(of: broker, ms: 0) }
    #expect(
      try stack.messages(topic) == ["first", "tried again", "in the dark", "moved", "slow"])
  }

  @Test func aCoordinatorMoves() throws {
    let stack = try LocalStack.startOnMock([.kafka])
    defer { stack.end() }
    let (mock, topic) = (stack.mockBrokers, try stack.freshTopic(partitions: 1))
    #expect(stack.produce("one", to: topic))
    for broker in MockBrokers.ids {
      let others = MockBrokers.ids.filter { $0 != broker }
      try mock.setCoordinator(of: "readers", to: broker)
      for other in others { try mock.fail(.joinGroup, of: other, with: "_TRANSPORT") }
      try mock.fail(.joinGroup, of: broker, with: "NOT_COORDINATOR")
      let reader = try Subprocess(
        "kcat",
        ["-G", "readers", "-b", stack.kafkaBootstrap, "-X", "session.timeout.ms=3000", topic])
      // The one that was told is the one that is asked.
      #expect(try eventually(within: 20) { try mock.failuresLeft(.joinGroup, of: broker) == 0 })
      for other in others { #expect(try mock.failuresLeft(.joinGroup, of: other) >= 1) }
      reader.signal(15)
      try reader.wait(within: 20)
    }
  }

  @Test func whatIsNoCommandIsRefused() throws {
    let stack = try LocalStack.startOnMock([.kafka])
    defer { stack.end() }
    let mock = stack.mockBrokers
    #expect(throws: TestSupportError.self) { try mock.setDown(4) }
    #expect(throws: TestSupportError.self) { try mock.fail(.fetch, of: 1, with: "NO_SUCH_ERROR") }
    #expect(throws: TestSupportError.self) { try mock.setRoundTrip(of: 1, ms: -1) }
    #expect(throws: TestSupportError.self) {
      try mock.setLeader(of: "nowhere", partition: 0, to: 10)
    }
    try mock.setRoundTrip(of: 1, ms: 0)
  }
}
