import Glibc
import KafkaClient
import TestSupport
import Testing
import Threads

/// Several members of a group that take their positions from one place.
@Suite struct GroupTests {
  @Test(.timeLimit(.minutes(3)))
  func membersComeAndGoAndNothingIsMissedOrDoubled() throws {
    let stack = try LocalStack.shared([.kafka])
    let topic = try stack.makeTopic()
    let ledger = Ledger()
    let count = 20_000
    let first = try Member(stack, topic: topic, group: topic, ledger: ledger)
    try stack.produce(0..<5_000, to: topic)
    #expect(eventually(within: 60) { ledger.applied.count == 5_000 })

    let second = try Member(stack, topic: topic, group: topic, ledger: ledger)
    try stack.produce(5_000..<12_000, to: topic)
    // Each has two partitions now.
    let shared = eventually(within: 60) {
      [first, second].allSatisfy { $0.given.withLock { $0.last?.count } == 2 }
    }
    #expect(shared)
    first.end()
    try stack.produce(12_000..<16_000, to: topic)
    let third = try Member(stack, topic: topic, group: topic, ledger: ledger)
    try stack.produce(16_000..<count, to: topic)
    let complete = eventually(within: 90) { ledger.applied.count >= count }
    #expect(complete)
    second.end()
    third.end()
    #expect(ledger.applied.count == count)
    #expect(Set(ledger.applied) == Set(0..<count))
  }

  @Test(.timeLimit(.minutes(2)))
  func aParkedMemberGoesThroughRebalancesAndReadsNothing() throws {
    let stack = try LocalStack.shared([.kafka])
    let topic = try stack.makeTopic()
    try stack.produce(0..<400, to: topic)
    let parked = try stack.consumer(of: topic, group: topic)
    #expect(parked.awaitPartitions() == [0, 1, 2, 3])
    parked.assign([0: 0, 1: 0, 2: 0, 3: 0])
    #expect(parked.read(400).count == 400)
    parked.park()

    let other = try Member(stack, topic: topic, group: topic, ledger: Ledger())
    let (givenWithOther, readWithOther) = partitionsWhileParked(parked, count: 2)
    #expect(givenWithOther?.count == 2)
    try stack.produce(400..<800, to: topic)
    other.end()
    let (givenAlone, readAlone) = partitionsWhileParked(parked, count: 4)
    #expect(givenAlone == [0, 1, 2, 3])
    #expect(readWithOther + readAlone == 0)

    parked.assign([0: 100, 1: 100, 2: 100, 3: 100])
    #expect(Set(parked.read(400).compactMap(\.id)) == Set(400..<800))
    #expect(parked.close(within: 10_000))
  }

  /// Polls until the group gives that many partitions; says what was read meanwhile.
  private func partitionsWhileParked(
    _ consumer: KafkaConsumer, count: Int
  ) -> (given: [Int32]?, read: Int) {
    var read = 0
    let deadline = MonotonicTime.after(ms: 40_000)
    while deadline > .now {
      read += consumer.poll(limit: 100, until: .after(ms: 100)).count
      for case .assigned(let partitions) in consumer.takeEvents() where partitions.count == count {
        return (partitions, read)
      }
    }
    return (nil, read)
  }

  @Test(.timeLimit(.minutes(2)))
  func aMemberThatDoesNotPollLosesItsPartitionsAndComesBack() throws {
    let stack = try LocalStack.shared([.kafka])
    let topic = try stack.makeTopic()
    try stack.produce(0..<100, to: topic)
    let consumer = try stack.consumer(of: topic, group: topic)
    #expect(consumer.awaitPartitions() == [0, 1, 2, 3])
    let generation = consumer.generation
    consumer.assign([0: 0, 1: 0, 2: 0, 3: 0])
    #expect(consumer.read(100).count == 100)
    sleep(8)  // longer than max.poll.interval.ms: that is what is tried here

    var lost: [Int32] = []
    var returned: [Int32]?
    let deadline = MonotonicTime.after(ms: 40_000)
    while returned == nil && deadline > .now {
      #expect(consumer.poll(limit: 100, until: .after(ms: 100)).isEmpty)
      for event in consumer.takeEvents() {
        if case .lost(let partitions) = event { lost = partitions }
        if case .assigned(let partitions) = event { returned = partitions }
      }
    }
    #expect(lost == [0, 1, 2, 3])
    #expect(returned == [0, 1, 2, 3])
    #expect(consumer.generation != generation)
    #expect(consumer.close(within: 10_000))
  }
}
