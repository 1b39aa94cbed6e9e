import ControlTopic
import KafkaClient
import Stock
import TestSupport
import Testing
import Threads

/// Links on a Kafka that works.
@Suite struct ControlLinkTests {
  let stack: LocalStack

  init() throws { stack = try LocalStack.shared([.kafka]) }

  private func link(_ instance: String, _ topic: String) throws -> ControlLink {
    try ControlLink(stack.kafka(instance), topic: topic, messageTimeoutMs: 10_000)
  }

  @Test(.timeLimit(.minutes(1)))
  func aHeartbeatIsAcknowledgedAndReadWithinMilliseconds() throws {
    let topic = try stack.makeControlTopic()
    let link = try link("a", topic)
    defer { link.close() }
    #expect(try link.readToEnd(until: .after(ms: 30_000)) == nil)
    #expect(link.isConnected)
    var acknowledgedUs: [Int64] = []
    var readUs: [Int64] = []
    for ticket in 0..<100 {
      let start = MonotonicTime.now
      #expect(
        link.send(.heartbeat(instance: "a", timeMs: wallClockMs()), ticket: ticket) == .queued)
      var wasAcknowledged = false
      let events = link.poll {
        if !wasAcknowledged, $0.offsets[ticket] != nil {
          wasAcknowledged = true
          acknowledgedUs.append(MonotonicTime.now.microseconds(since: start))
        }
        return $0.hasRead(ticket)
      }
      readUs.append(MonotonicTime.now.microseconds(since: start))
      #expect(events.offsets[ticket] == Int64(ticket + 1))
      #expect(events.position == Int64(ticket + 2))
      #expect(events.highestEpoch == nil)
      #expect(events.failures.isEmpty)
    }
    acknowledgedUs.sort()
    readUs.sort()
    print(
      "\(stack.kafkaName): acknowledged after \(acknowledgedUs[50]) us in the middle, "
        + "\(acknowledgedUs[98]) at 99 of 100; read after \(readUs[50]) and \(readUs[98])")
    #expect(readUs[50] < 50_000)
  }

  @Test(.timeLimit(.minutes(1)))
  func twoLinksSeeEachOthersEpochsAndTheHighestCounts() throws {
    let topic = try stack.makeControlTopic()
    let (a, b) = (try link("a", topic), try link("b", topic))
    defer {
      a.close()
      b.close()
    }
    #expect(try a.readToEnd(until: .after(ms: 30_000)) == nil)
    #expect(a.send(.epoch(3, timeMs: 1), ticket: 1) == .queued)
    #expect(b.poll { $0.highestEpoch != nil }.highestEpoch == 3)
    #expect(b.send(.epoch(5, timeMs: 2), ticket: 1) == .queued)
    #expect(b.poll { $0.hasRead(1) }.highestEpoch == 5)
    #expect(a.send(.epoch(4, timeMs: 3), ticket: 2) == .queued)
    let events = a.poll { $0.hasRead(2) }
    #expect(events.highestEpoch == 5)
    #expect(try #require(events.offsets[1]) < (try #require(events.offsets[2])))
    #expect(a.highestEpoch == 5)
    #expect(try b.readToEnd(until: .after(ms: 30_000)) == 5)
    // Whoever comes later learns it from the log alone.
    let late = try link("c", topic)
    #expect(try late.readToEnd(until: .after(ms: 30_000)) == 5)
    late.close()
  }

  @Test(.timeLimit(.minutes(1)))
  func whatComesDuringReadToEndIsKeptForTheCaller() throws {
    let topic = try stack.makeControlTopic()
    let link = try link("a", topic)
    defer { link.close() }
    for ticket in 0..<ControlLink.queueLimit - 1 {
      #expect(link.send(.epoch(Int64(ticket + 1), timeMs: 1), ticket: ticket) == .queued)
    }
    #expect(try link.readToEnd(until: .after(ms: 30_000)) == Int64(ControlLink.queueLimit - 1))
    let events = link.poll(until: .now)
    #expect(Set(events.offsets.keys) == Set(0..<ControlLink.queueLimit - 1))
    #expect(events.highestEpoch == Int64(ControlLink.queueLimit - 1))
    #expect(events.position == link.position)
    #expect(link.position == Int64(ControlLink.queueLimit))
    #expect(link.poll(until: .now).isEmpty)
  }

  @Test(.timeLimit(.minutes(1)))
  func recordsOfStrangersAreCountedAndToldOnce() throws {
    let topic = try stack.makeControlTopic()
    let link = try link("a", topic)
    defer { link.close() }
    let producer = try KafkaProducer<Stranger>(
      stack.kafka("stranger"), topic: topic, queueLimit: 10, messageTimeoutMs: 10_000)
    let texts = [#"{"v":9,"type":"pause"}"#, "\u{0}", #"{"v":9,"type":"epoch","epoch":6}"#, "{"]
    for text in texts {
      let outcome = producer.send(
        key: Array(text.utf8), value: Array(text.utf8), partition: 0, ticket: Stranger())
      #expect(outcome == .queued)
    }
    var acknowledged = 0
    #expect(
      eventually {
        acknowledged += producer.poll(timeoutMs: 100).count
        return acknowledged == texts.count
      })
    producer.close()
    #expect(try link.readToEnd(until: .after(ms: 30_000)) == 6)
    #expect(link.undecodableCount == 3)
    let told = link.poll(until: .now).clientEvents.filter {
      if case .log(4, "CONTROL", _) = $0 { true } else { false }
    }
    #expect(told.count == 1)
    #expect(told.allSatisfy { !$0.isSerious })
  }

  @Test(.timeLimit(.minutes(1)))
  func itsBellEndsAWait() throws {
    let topic = try stack.makeControlTopic()
    let link = try link("a", topic)
    defer { link.close() }
    _ = try link.readToEnd(until: .after(ms: 30_000))
    _ = link.poll(until: .now)
    let waker = link.waker
    let thread = NamedThread("waker") { waker.ring() }
    let start = MonotonicTime.now
    _ = link.poll(until: .after(ms: 20_000))
    #expect(MonotonicTime.now.microseconds(since: start) < 5_000_000)
    thread.join()
  }

  @Test(.timeLimit(.minutes(1)))
  func theTopicIsMadeAsItHasToBe() throws {
    let topic = try stack.makeControlTopic()
    let again = try ControlLink.ensureTopic(
      stack.kafka("test"), topic: topic, replication: 1, minInSyncReplicas: 1)
    #expect(again == .existing)
    let wide = try stack.freshTopic(partitions: 2)
    _ = try KafkaAdmin.ensureTopic(
      stack.kafka("test"), name: wide, partitions: 2, replication: 1)
    #expect(throws: KafkaError.self) {
      try ControlLink.ensureTopic(
        stack.kafka("test"), topic: wide, replication: 1, minInSyncReplicas: 1)
    }
  }

  @Test(
    .timeLimit(.minutes(1)),
    .enabled(
      if: try LocalStack.shared([.kafka]).isRealKafka,
      "needs a real Kafka, the mock cluster does not do this: set KAFKA_HOME"))
  func aLogThatLostItsEndIsReadFromItsBeginning() throws {
    let topic = try stack.makeControlTopic()
    let link = try link("a", topic)
    for ticket in 0..<50 {
      #expect(link.send(.heartbeat(instance: "a", timeMs: 1), ticket: ticket) == .queued)
    }
    _ = link.poll { $0.hasRead(49) }
    #expect(link.position == 50)
    try deleteTopic(stack.kafkaBootstrap, topic)
    _ = try ControlLink.ensureTopic(
      stack.kafka("test"), topic: topic, replication: 1, minInSyncReplicas: 1)
    let other = try self.link("b", topic)
    #expect(other.send(.epoch(9, timeMs: 1), ticket: 0) == .queued)
    #expect(other.poll { $0.hasRead(0) }.highestEpoch == 9)
    other.close()
    // What it had read before says nothing about the new log.
    let end = try link.readToEnd(until: .after(ms: 30_000))
    #expect(end == 9)
    #expect(link.position < 50)
    let events = link.poll(until: .now)
    #expect(events.highestEpoch == 9)
    #expect(events.position == link.position)
    #expect(events.clientEvents.contains { $0.isSerious })
    // librdkafka may never let go of such a partition, and must not be waited for.
    let closing = MonotonicTime.now
    link.close()
    #expect(MonotonicTime.now.microseconds(since: closing) < 5_000_000)
  }
}

private final class Stranger: Sendable {}
