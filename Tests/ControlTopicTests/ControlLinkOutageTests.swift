import ControlTopic
import Glibc
import KafkaClient
import Stock
import TestSupport
import Testing
import Threads

/// A broker that goes away and comes back under a link.
@Suite(.serialized) struct ControlLinkOutageTests {
  @Test(
    .timeLimit(.minutes(4)),
    .enabled(
      if: try LocalStack.shared([.kafka]).isRealKafka,
      "needs a real Kafka, the mock cluster does not do this: set KAFKA_HOME"))
  func aBrokerThatComesBackIsUsedAgain() throws {
    let stack = try LocalStack.start([.kafka])
    defer { stack.end() }
    let topic = try stack.makeControlTopic()
    let link = try ControlLink(stack.kafka("a"), topic: topic, messageTimeoutMs: 2_000)
    defer { link.close() }
    #expect(link.send(.epoch(3, timeMs: 1), ticket: 1) == .queued)
    #expect(link.poll { $0.hasRead(1) }.highestEpoch == 3)
    let position = link.position

    try stack.kill(.kafka)
    #expect(link.send(.epoch(4, timeMs: 1), ticket: 2) == .queued)
    let start = MonotonicTime.now
    #expect(link.poll { !$0.failures.isEmpty }.failures.keys.sorted() == [2])
    #expect(MonotonicTime.now.microseconds(since: start) < 6_000_000)
    // Away for longer than any of its timeouts: it waits, and moves nothing.
    let away = link.poll(within: 8) { _ in false }
    #expect(away.position == nil)
    #expect(link.position == position)
    #expect(!link.isConnected)

    try stack.restart(.kafka)
    let back = MonotonicTime.now
    #expect(try link.readToEnd(until: .after(ms: 60_000)) == 3)
    print("killed: read again \(MonotonicTime.now.microseconds(since: back)) us on")
    #expect(link.position > position)
    #expect(link.send(.epoch(5, timeMs: 1), ticket: 3) == .queued)
    #expect(link.poll { $0.hasRead(3) }.highestEpoch == 5)
    #expect(!away.clientEvents.contains { if case .fatal = $0 { true } else { false } })
  }

  @Test(
    .timeLimit(.minutes(2)),
    .enabled(
      if: try LocalStack.shared([.kafka]).isRealKafka,
      "needs a real Kafka, the mock cluster does not do this: set KAFKA_HOME"))
  func aBrokerThatHangsIsWaitedForInTime() throws {
    let stack = try LocalStack.start([.kafka])
    defer { stack.end() }
    let topic = try stack.makeControlTopic()
    let link = try ControlLink(stack.kafka("a"), topic: topic, messageTimeoutMs: 2_000)
    #expect(try link.readToEnd(until: .after(ms: 30_000)) == nil)
    let pid = stack.pid(.kafka)
    try freeze(pid)
    defer { kill(pid, SIGCONT) }
    #expect(link.send(.epoch(4, timeMs: 1), ticket: 2) == .queued)
    let start = MonotonicTime.now
    let events = link.poll { !$0.failures.isEmpty }
    #expect(events.failures[2]?.isPossiblyPersisted == true)
    #expect(MonotonicTime.now.microseconds(since: start) < 6_000_000)
    let closing = MonotonicTime.now
    let hung = try ControlLink(stack.kafka("b"), topic: topic, messageTimeoutMs: 2_000)
    hung.close()
    print("hung: closed \(MonotonicTime.now.microseconds(since: closing)) us on")
    kill(pid, SIGCONT)
    // What was sent before it hung, and given up, may be there all the same.
    #expect(try [nil, 4].contains(link.readToEnd(until: .after(ms: 60_000))))
    link.close()
  }

  /// One heartbeat is waited for all the time, however slow the topic, and the caller breathes meanwhile.
  @Test(
    .timeLimit(.minutes(2)),
    .enabled(
      if: try LocalStack.shared([.kafka]).isRealKafka,
      "needs a real Kafka, the mock cluster does not do this: set KAFKA_HOME"))
  func aSlowTopicIsReadToItsEndInOneCall() throws {
    let stack = try LocalStack.start([.kafka])
    defer { stack.end() }
    let topic = try stack.makeControlTopic()
    let link = try ControlLink(stack.kafka("a"), topic: topic, messageTimeoutMs: 20_000)
    defer { link.close() }
    #expect(try link.readToEnd(until: .after(ms: 30_000)) == nil)
    let position = link.position
    let pid = stack.pid(.kafka)
    try freeze(pid)
    defer { kill(pid, SIGCONT) }
    var breaths = 0
    let slow = MonotonicTime.after(ms: 1_500)
    let end = try link.readToEnd(until: .after(ms: 60_000), breatheMs: 20) {
      breaths += 1
      if slow <= .now { kill(pid, SIGCONT) }
    }
    #expect(end == nil && breaths > 10)
    #expect(link.position == position + 1)
    struct Enough: Error {}
    #expect(throws: Enough.self) {
      try link.readToEnd(until: .after(ms: 60_000)) { throw Enough() }
    }
  }
}
