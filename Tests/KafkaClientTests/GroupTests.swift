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
}
