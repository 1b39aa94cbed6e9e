import KafkaClient
import TestSupport
import Testing
import Threads

/// A broker that stops and comes back, under a producer and a consumer that do not mind.
@Suite(.serialized) struct OutageTests {
  @Test(.timeLimit(.minutes(1)))
  func anAcknowledgementIsNotHeldUp() throws {
    let stack = try LocalStack.shared([.kafka])
    let topic = try stack.makeTopic()
    let census = Census()
    let producer = try KafkaProducer<Ticket>(
      stack.kafka, topic: topic, queueLimit: 100, messageTimeoutMs: 30_000)
    var latenciesUs: [Int64] = []
    for id in 0..<30 {
      let start = MonotonicTime.now
      #expect(producer.send(key: [1], value: [2], ticket: Ticket(id, census)) == .queued)
      var deliveries: [Delivery<Ticket>] = []
      // A poll that slept instead of waiting would take all of its ten seconds.
      while deliveries.isEmpty { deliveries = producer.poll(timeoutMs: 10_000) }
      latenciesUs.append(MonotonicTime.now.microseconds(since: start))
      #expect(deliveries.map(\.ticket.id) == [id])
    }
    producer.close()
    latenciesUs.sort()
    print("acknowledged after \(latenciesUs[15]) us in the middle, \(latenciesUs[29]) at most")
    #expect(latenciesUs[15] < 50_000)
  }

  @Test(
    .timeLimit(.minutes(4)),
    .enabled(
      if: try LocalStack.shared([.kafka]).isRealKafka,
      "needs a real Kafka, the mock cluster does not do this: set KAFKA_HOME"),
    arguments: [true, false])
  func aBrokerThatComesBackIsUsedAgain(isKilled: Bool) throws {
    let stack = try LocalStack.start([.kafka])
    defer { stack.end() }
    let topic = try stack.makeTopic()
    let served = try ServedProducer(stack.kafka, topic: topic, messageTimeoutMs: 120_000)
    let ledger = Ledger()
    let member = try Member(stack, topic: topic, group: topic, ledger: ledger)
    for id in 0..<1_000 { #expect(served.send(id) == .queued) }
    #expect(eventually(within: 30) { ledger.applied.count == 1_000 })

    let leaver = try stack.consumer(of: topic, group: topic + ".leaver")
    #expect(leaver.awaitPartitions() == [0, 1, 2, 3])
    leaver.assign([0: 0, 1: 0, 2: 0, 3: 0])
    #expect(leaver.read(1_000).count == 1_000)

    if isKilled { try stack.kill(.kafka) } else { try stack.stop(.kafka) }
    #expect(eventually { !served.producer.isConnected })
    for id in 1_000..<2_000 { #expect(served.send(id) == .queued) }
    #expect(served.producer.outstanding == 1_000)
    // Leaving a group whose coordinator is away keeps its deadline (K6).
    let closing = MonotonicTime.now
    _ = leaver.close(within: 2_000)
    #expect(MonotonicTime.now.microseconds(since: closing) < 6_000_000)
    try stack.restart(.kafka)
    let start = MonotonicTime.now
    #expect(eventually(within: 60) { served.producer.isConnected })
    #expect(served.producer.flush(until: .after(ms: 60_000)))
    print("killed \(isKilled): acknowledged \(MonotonicTime.now.microseconds(since: start)) us on")
    #expect(eventually(within: 60) { Set(ledger.applied).count == 2_000 })
    served.stop()
    member.end()
    #expect(served.deliveries.map(\.id).sorted() == Array(0..<2_000))
    #expect(served.deliveries.allSatisfy { Place($0.result) != nil })
    #expect(served.census.count == 0)
  }
}
