import Glibc
import KafkaClient
import TestSupport
import Testing
import Threads

/// One member of a group: its position, parking, errors, closing.
@Suite struct ConsumerTests {
  let stack: LocalStack

  init() throws { stack = try LocalStack.shared([.kafka]) }

  @Test(.timeLimit(.minutes(2)))
  func nothingIsReadBeforeAssignAndThenFromThereOn() throws {
    let topic = try stack.makeTopic()
    try stack.produce(0..<400, to: topic)
    let consumer = try stack.consumer(of: topic, group: topic)
    #expect(consumer.awaitPartitions() == [0, 1, 2, 3])
    #expect(consumer.read(1, withinMs: 1_000).isEmpty)
    // A partition that isn't ours is left out and named.
    #expect(consumer.assign([0: 90, 1: 100, 2: 0, 3: 99, 7: 0]) == [7])
    let messages = consumer.read(111)
    #expect(messages.count == 111)
    #expect(consumer.read(1, withinMs: 500).isEmpty)
    for partition: Int32 in 0..<4 {
      let offsets = messages.filter { $0.partition == partition }.map(\.offset)
      let start: Int64 = [90, 100, 0, 99][Int(partition)]
      #expect(offsets == Array(start..<100))
    }
    #expect(messages.allSatisfy { $0.id.map { Int32($0 % 4) } == $0.partition })
    #expect(messages.allSatisfy { $0.key == $0.id.map { Array("1_\($0)".utf8) } })
    #expect(messages.allSatisfy { abs($0.timestampMs - wallClockMs()) < 120_000 })
    // Backwards too: what is assigned counts, not what was read.
    consumer.assign([3: 50])
    #expect(consumer.read(50).map(\.offset) == Array(50..<100))
    #expect(consumer.lag(3, behind: 100) == 0)
    #expect(consumer.lag(3, behind: 60) == 40)
    #expect(consumer.close(within: 10_000))
    #expect(consumer.close(within: 10_000))
    #expect(consumer.poll(limit: 1, until: .after(ms: 1)).isEmpty)
  }

  @Test(.timeLimit(.minutes(2)))
  func parkedForLongerThanThePollIntervalItStaysTheSameMember() throws {
    let topic = try stack.makeTopic()
    try stack.produce(0..<100, to: topic)
    let consumer = try stack.consumer(of: topic, group: topic)
    #expect(consumer.awaitPartitions() == [0, 1, 2, 3])
    consumer.assign([0: 0, 1: 0, 2: 0, 3: 0])
    #expect(consumer.read(100).count == 100)
    let (member, generation) = (consumer.memberId, consumer.generation)
    #expect(member != nil)
    #expect(generation != nil)

    consumer.park()
    try stack.produce(100..<200, to: topic)
    let outage = consumer.read(1, withinMs: 8_000)  // max.poll.interval.ms is 6,000
    #expect(outage.isEmpty)
    #expect(consumer.memberId == member)
    #expect(consumer.generation == generation)
    let rebalances = consumer.takeEvents().filter { if case .client = $0 { false } else { true } }
    #expect(rebalances.isEmpty)

    consumer.assign([0: 25, 1: 25, 2: 25, 3: 25])
    #expect(Set(consumer.read(100).compactMap(\.id)) == Set(100..<200))
    #expect(consumer.close(within: 10_000))
  }

  @Test(.timeLimit(.minutes(2)))
  func anOffsetThatIsNotThereStopsItsPartitionOnly() throws {
    let topic = try stack.makeTopic()
    try stack.produce(0..<400, to: topic)
    let consumer = try stack.consumer(of: topic, group: topic)
    #expect(consumer.awaitPartitions() == [0, 1, 2, 3])
    consumer.assign([0: 1_000_000, 1: 0, 2: 0, 3: 0])
    let messages = consumer.read(300)
    #expect(messages.count == 300)
    #expect(messages.allSatisfy { $0.partition != 0 })
    var stopped: [Int32] = []
    _ = eventually {
      _ = consumer.poll(limit: 1, until: .after(ms: 100))
      for case .partitionError(let partition, let error) in consumer.takeEvents() {
        stopped.append(partition)
        #expect(error.code == "_AUTO_OFFSET_RESET")
      }
      return !stopped.isEmpty
    }
    #expect(stopped == [0])
    // The others go on, and it stays where it is, also for what comes later.
    try stack.produce(400..<480, to: topic)
    #expect(Set(consumer.read(60).map(\.partition)) == [1, 2, 3])
    #expect(consumer.read(1, withinMs: 500).isEmpty)
    // Put right by a person, it is read.
    consumer.assign([0: 119])
    #expect(consumer.read(1).map(\.offset) == [119])
    #expect(consumer.close(within: 10_000))
  }

  @Test(.timeLimit(.minutes(2)))
  func aBlockedPollWakesAtOnce() throws {
    let topic = try stack.makeTopic()
    let consumer = try stack.consumer(of: topic, group: topic)
    #expect(consumer.awaitPartitions() == [0, 1, 2, 3])
    _ = consumer.takeEvents()
    let waker = consumer.waker
    let thread = NamedThread("waker") {
      usleep(100_000)
      waker.wake()
    }
    let start = MonotonicTime.now
    #expect(consumer.poll(limit: 10, until: .after(ms: 10_000)).isEmpty)
    #expect(MonotonicTime.now.microseconds(since: start) < 5_000_000)
    thread.join()
    #expect(consumer.close(within: 10_000))
    waker.wake()  // harmless now
  }

  @Test(.timeLimit(.minutes(2)))
  func commitsArriveAtTheGroup() throws {
    let topic = try stack.makeTopic()
    let consumer = try stack.consumer(of: topic, group: topic)
    #expect(consumer.awaitPartitions() == [0, 1, 2, 3])
    consumer.commit([0: 7, 3: 9])
    #expect(
      eventually {
        _ = consumer.poll(limit: 1, until: .after(ms: 20))
        return committed(stack.kafkaBootstrap, group: topic, topic: topic) == [0: 7, 3: 9]
      })
    // It is no position: nothing is read.
    #expect(consumer.read(1, withinMs: 300).isEmpty)
    #expect(consumer.close(within: 10_000))
  }

  @Test(.timeLimit(.minutes(1)))
  func closingWithoutABrokerKeepsItsDeadline() throws {
    let settings = KafkaSettings(bootstrap: "127.0.0.1:1", clientId: "test")
    let consumer = try KafkaConsumer(
      settings, topic: "t", group: "g", sessionTimeoutMs: 6_000, maxPollIntervalMs: 6_000)
    _ = consumer.poll(limit: 1, until: .after(ms: 300))
    let failures = consumer.takeEvents().filter {
      if case .client(.error) = $0 { true } else { false }
    }
    #expect(!failures.isEmpty)
    #expect(consumer.memberId == nil)
    #expect(consumer.generation == nil)
    let start = MonotonicTime.now
    _ = consumer.close(within: 1_000)
    #expect(MonotonicTime.now.microseconds(since: start) < 5_000_000)
  }

  @Test func anIntervalBelowTheSessionTimeoutIsRefused() {
    let error = #expect(throws: KafkaError.self) {
      try KafkaConsumer(
        KafkaSettings(bootstrap: "127.0.0.1:1", clientId: "test"), topic: "t", group: "g",
        sessionTimeoutMs: 6_000, maxPollIntervalMs: 1_000)
    }
    #expect(error?.message.contains("max.poll.interval.ms") == true)
  }
}
