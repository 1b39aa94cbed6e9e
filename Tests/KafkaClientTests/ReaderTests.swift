import KafkaClient
import TestSupport
import Testing
import Threads

/// One reader of one partition: where it starts, and what its position says.
@Suite struct ReaderTests {
  let stack: LocalStack

  init() throws { stack = try LocalStack.shared([.kafka]) }

  @Test(.timeLimit(.minutes(1)))
  func itReadsFromTheBeginningAndKnowsTheEnd() throws {
    let topic = try stack.makeTopic(partitions: 1)
    let reader = try KafkaReader(stack.kafka, topic: topic)
    #expect(reader.position == nil)
    #expect(reader.reach(0))
    try stack.produce(0..<300, to: topic, partitions: 1)
    #expect(reader.read(300).compactMap(\.id) == Array(0..<300))
    #expect(reader.position == 300)
    let second = try KafkaReader(stack.kafka, topic: topic, from: 290)
    #expect(second.position == 290)
    #expect(second.read(10).map(\.offset) == Array(290..<300))
    #expect(second.poll(limit: 10, until: .after(ms: 300)).isEmpty)
    #expect(second.position == 300)
    second.startAgain()
    #expect(second.position == nil)
    #expect(second.read(300).map(\.offset) == Array(0..<300))
    for reader in [reader, second] {
      #expect(!reader.takeEvents().contains { $0.isSerious })
      #expect(reader.close())
      #expect(reader.close())
      #expect(reader.poll(limit: 1, until: .after(ms: 100)).isEmpty)
    }
  }

  @Test(.timeLimit(.minutes(1)))
  func thePositionIsOfWhatWasReturned() throws {
    let topic = try stack.makeTopic(partitions: 1)
    try stack.produce(0..<100, to: topic, partitions: 1)
    let reader = try KafkaReader(stack.kafka, topic: topic)
    var read: [Int64] = []
    while read.count < 100 {
      read += reader.poll(limit: 7, until: .after(ms: 10_000)).map(\.offset)
      #expect(reader.position ?? 0 == Int64(read.count))
    }
    #expect(read == Array(0..<100))
    // What was fetched before it starts again is not taken for what comes after.
    let second = try KafkaReader(stack.kafka, topic: topic, from: 20)
    #expect(second.read(7, limit: 7).map(\.offset) == Array(20..<27))
    second.startAgain()
    #expect(second.read(100).map(\.offset) == Array(0..<100))
    #expect(second.close())
    #expect(reader.close())
  }

  @Test(.timeLimit(.minutes(1)))
  func anOffsetThatIsNotThereMeansTheBeginningAndIsSaid() throws {
    let topic = try stack.makeTopic(partitions: 1)
    try stack.produce(0..<10, to: topic, partitions: 1)
    let reader = try KafkaReader(stack.kafka, topic: topic, from: 1_000)
    #expect(reader.read(10).map(\.offset) == Array(0..<10))
    #expect(reader.position == 10)
    let serious = reader.takeEvents().filter(\.isSerious)
    guard case .error(let error)? = serious.first, serious.count == 1 else {
      Issue.record("said \(serious)")
      return
    }
    #expect(error.code == "OFFSET_OUT_OF_RANGE")
    #expect(reader.close())
  }

  @Test(.timeLimit(.minutes(1)), .enabled(if: try isReal(), onMock))
  func aLogThatBeginsLaterIsReadFromThereOn() throws {
    let topic = try stack.makeTopic(partitions: 1)
    try stack.produce(0..<100, to: topic, partitions: 1)
    try deleteRecords(stack.kafkaBootstrap, topic, below: 60)
    let reader = try KafkaReader(stack.kafka, topic: topic)
    #expect(reader.read(40).map(\.offset) == Array(60..<100))
    #expect(!reader.takeEvents().contains { $0.isSerious })
    #expect(reader.close())
    // One that was away for too long starts there too; with nothing left the end alone tells the position.
    try deleteRecords(stack.kafkaBootstrap, topic, below: 100)
    let late = try KafkaReader(stack.kafka, topic: topic, from: 70)
    #expect(late.position == 70)
    #expect(late.reach(100))
    #expect(late.takeEvents().contains { $0.isSerious })
    #expect(late.close())
  }

  @Test(.timeLimit(.minutes(1)), .enabled(if: try isReal(), onMock), arguments: [true, false])
  func aMarkerThatNobodyGetsMovesThePosition(isCommitted: Bool) throws {
    let topic = try stack.makeTopic(partitions: 1)
    let reader = try KafkaReader(stack.kafka, topic: topic)
    try writeTransaction(stack.kafkaBootstrap, topic, records: 3, isCommitted: isCommitted)
    #expect(reader.reach(4))
    try stack.produce(0..<2, to: topic, partitions: 1)
    #expect(reader.read(2).map(\.offset) == [4, 5])
    #expect(reader.position == 6)
    #expect(reader.close())
  }

  @Test(.timeLimit(.minutes(2)), .enabled(if: try isReal(), onMock))
  func whatWasCompactedAwayIsNotWaitedFor() throws {
    let topic = try stack.freshTopic(partitions: 1)
    _ = try KafkaAdmin.ensureTopic(
      stack.kafka, name: topic, partitions: 1, replication: 1,
      configuration: [
        "cleanup.policy": "compact", "segment.ms": "100", "min.cleanable.dirty.ratio": "0.001",
      ])
    let served = try ServedProducer(stack.kafka, topic: topic)
    func write(_ key: String) {
      let ticket = Ticket(0, served.census)
      let outcome = served.producer.send(
        key: Array(key.utf8), value: Array(key.utf8), partition: 0, ticket: ticket)
      #expect(outcome == .queued)
      #expect(served.producer.flush(until: .after(ms: 20_000)))
    }
    for _ in 0..<50 { write("a") }
    // Each record after the segment's time closes it; the cleaner looks every 15 s.
    var firstOffset: Int64 = 0
    let isCompacted = try eventually(within: 60, everyMs: 1_000) {
      write("b")
      let reader = try KafkaReader(stack.kafka, topic: topic)
      firstOffset = reader.read(1).first?.offset ?? 0
      return reader.close() && firstOffset > 0
    }
    #expect(isCompacted)
    let end = try #require(
      try KafkaAdmin.endOffsets(stack.kafka, topic: topic, partitions: 1)[0])
    let reader = try KafkaReader(stack.kafka, topic: topic)
    #expect(reader.reach(end))
    #expect(!reader.takeEvents().contains { $0.isSerious })
    #expect(reader.close())
    served.stop()
  }

  @Test(.timeLimit(.minutes(1)))
  func withoutABrokerItSaysSoAndCloses() throws {
    let settings = KafkaSettings(bootstrap: "127.0.0.1:1", clientId: "test")
    let reader = try KafkaReader(settings, topic: "t")
    var events: [KafkaClientEvent] = []
    #expect(
      eventually {
        _ = reader.poll(limit: 1, until: .after(ms: 100))
        events += reader.takeEvents()
        return events.contains { if case .error = $0 { true } else { false } }
      })
    #expect(reader.position == nil)
    let start = MonotonicTime.now
    #expect(reader.close(within: 1_000))
    #expect(MonotonicTime.now.microseconds(since: start) < 5_000_000)
  }

  @Test(.timeLimit(.minutes(1)))
  func aLeaderThatMovesIsFound() throws {
    let mock = MockCluster(brokers: 3, partitions: 1)
    let census = Census()
    let producer = try KafkaProducer<Ticket>(
      mock.settings, topic: MockCluster.topic, queueLimit: 100, messageTimeoutMs: 30_000)
    let reader = try KafkaReader(mock.settings, topic: MockCluster.topic)
    for (round, leader) in [1, 2, 3, 1].enumerated() {
      mock.setLeader(Int32(leader))
      #expect(
        producer.send(key: [1], value: [2], partition: 0, ticket: Ticket(0, census)) == .queued)
      #expect(producer.flushHere())
      #expect(reader.read(1).map(\.offset) == [Int64(round)])
    }
    producer.close()
    #expect(reader.close())
  }

  @Test(.timeLimit(.minutes(1)))
  func aLeaderThatHangsIsGivenUp() throws {
    let mock = MockCluster(brokers: 3, partitions: 1)
    mock.setLeader(1)
    var settings = mock.settings
    settings.properties["socket.timeout.ms"] = "2000"
    let reader = try KafkaReader(settings, topic: MockCluster.topic)
    #expect(reader.reach(0))
    mock.setRoundTrip(ms: 60_000)  // of broker 1
    mock.setLeader(2)
    let producer = try KafkaProducer<Ticket>(
      settings, topic: MockCluster.topic, queueLimit: 100, messageTimeoutMs: 30_000)
    #expect(
      producer.send(key: [1], value: [2], partition: 0, ticket: Ticket(0, Census())) == .queued)
    #expect(producer.flushHere())
    let start = MonotonicTime.now
    #expect(reader.read(1).map(\.offset) == [0])
    print("read from the new leader \(MonotonicTime.now.microseconds(since: start)) us on")
    producer.close()
    #expect(reader.close())
  }
}

private let onMock: Comment =
  "needs a real Kafka, the mock cluster does not do this: set KAFKA_HOME"
private func isReal() throws -> Bool { try LocalStack.shared([.kafka]).isRealKafka }

extension KafkaReader {
  /// Polls until `count` messages have come, or the time is over.
  func read(
    _ count: Int, limit: Int = 500, withinMs limitMs: Int = 20_000
  ) -> [KafkaMessage] {
    let deadline = MonotonicTime.after(ms: limitMs)
    var messages: [KafkaMessage] = []
    while messages.count < count && deadline > .now {
      messages += poll(limit: limit, until: deadline)
    }
    return messages
  }

  /// Polls until the position is there; false when the time is over first.
  func reach(_ position: Int64, withinMs limitMs: Int = 20_000) -> Bool {
    let deadline = MonotonicTime.after(ms: limitMs)
    while self.position != position && deadline > .now { _ = poll(limit: 500, until: deadline) }
    return self.position == position
  }
}

extension KafkaProducer {
  /// Polls on this thread until nothing is out; false when the time is over first.
  fileprivate func flushHere(withinMs limitMs: Int = 20_000) -> Bool {
    let deadline = MonotonicTime.after(ms: limitMs)
    while outstanding > 0 && deadline > .now { _ = poll(timeoutMs: 100) }
    return outstanding == 0
  }
}
