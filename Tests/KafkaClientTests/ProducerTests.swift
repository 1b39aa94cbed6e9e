import CRdKafka
import Glibc
import KafkaClient
import TestSupport
import Testing
import Threads

/// What becomes of each ticket, against a mocked cluster that fails on request.
@Suite struct ProducerTests {
  @Test(.timeLimit(.minutes(1)))
  func ticketsOfManyThreadsComeBackOnceEach() throws {
    let mock = MockCluster()
    let served = try ServedProducer(mock.settings, topic: MockCluster.topic)
    let senders = (0..<4).map { sender in
      NamedThread("sender-\(sender)") {
        for index in 0..<2_500 {
          #expect(served.send(sender * 2_500 + index) == .queued)
        }
      }
    }
    for sender in senders { sender.join() }
    #expect(served.producer.flush(until: .after(ms: 20_000)))
    #expect(eventually { served.deliveries.count == 10_000 })
    #expect(served.stop().isEmpty)
    #expect(Set(served.deliveries.map(\.id)) == Set(0..<10_000))
    let places = Set(served.deliveries.compactMap { Place($0.result) })
    #expect(places.count == 10_000)
    #expect(served.producer.outstanding == 0)
    #expect(served.census.count == 0)
  }

  @Test(.timeLimit(.minutes(1)))
  func aFullQueueRefusesAndKeepsNoTicket() throws {
    let mock = MockCluster()
    let served = try ServedProducer(
      mock.settings, topic: MockCluster.topic, queueLimit: 10, messageTimeoutMs: 1_500)
    mock.setDown()
    for id in 0..<10 { #expect(served.send(id) == .queued) }
    for id in 10..<20 { #expect(served.send(id) == .queueFull) }
    #expect(served.producer.outstanding == 10)
    #expect(served.census.count == 10)
    #expect(eventually { served.deliveries.count == 10 })
    for delivery in served.deliveries {
      guard case .failed(let error) = delivery.result else {
        Issue.record("\(delivery) although the broker is down")
        continue
      }
      #expect(error.code == "_MSG_TIMED_OUT")
      #expect(error.isRetriable)
    }
    // There is room again, and the broker is back.
    mock.setUp()
    #expect(served.send(20) == .queued)
    #expect(served.producer.flush(until: .after(ms: 20_000)))
    served.stop()
    #expect(Set(served.deliveries.map(\.id)) == Set(Array(0..<10) + [20]))
    #expect(served.census.count == 0)
  }

  @Test(.timeLimit(.minutes(1)))
  func flushPurgesWhatIsLeftAtItsDeadline() throws {
    let mock = MockCluster()
    let served = try ServedProducer(mock.settings, topic: MockCluster.topic)
    mock.setDown()
    for id in 0..<100 { #expect(served.send(id) == .queued) }
    let start = MonotonicTime.now
    #expect(!served.producer.flush(until: .after(ms: 300)))
    #expect(MonotonicTime.now.microseconds(since: start) < 3_000_000)
    #expect(eventually { served.producer.outstanding == 0 })
    served.stop()
    #expect(served.deliveries.map(\.id).sorted() == Array(0..<100))
    let codes = Set(served.deliveries.map { code($0.result) })
    #expect(codes.isSubset(of: ["_PURGE_QUEUE", "_PURGE_INFLIGHT"]))
    #expect(served.census.count == 0)
  }

  @Test(.timeLimit(.minutes(1)))
  func aReplyThatIsLostLeavesTheOutcomeOpen() throws {
    let mock = MockCluster()
    let served = try ServedProducer(mock.settings, topic: MockCluster.topic)
    mock.setRoundTrip(ms: 5_000)
    #expect(served.send(1) == .queued)
    usleep(500_000)  // the request is on its way; its reply takes five seconds
    #expect(!served.producer.flush(until: .now))
    #expect(eventually { served.deliveries.count == 1 })
    served.stop()
    guard case .failed(let error) = served.deliveries.first?.result else {
      Issue.record("acknowledged without a reply")
      return
    }
    #expect(error.code == "_PURGE_INFLIGHT")
    #expect(error.isPossiblyPersisted)
    #expect(served.census.count == 0)
  }

  @Test(.timeLimit(.minutes(1)))
  func retriableRefusalsOfTheBrokerAreRetried() throws {
    let mock = MockCluster()
    let served = try ServedProducer(mock.settings, topic: MockCluster.topic)
    mock.refuseProduce([
      RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
    ])
    #expect(served.send(1, partition: 2) == .queued)
    #expect(served.producer.flush(until: .after(ms: 20_000)))
    served.stop()
    #expect(served.deliveries.count == 1)
    #expect(served.deliveries.compactMap { Place($0.result) }.map(\.partition) == [2])
    #expect(!served.producer.takeEvents().contains { if case .fatal = $0 { true } else { false } })
  }

  @Test(.timeLimit(.minutes(1)))
  func aRefusalForGoodFailsTheMessageOnly() throws {
    let mock = MockCluster()
    let served = try ServedProducer(mock.settings, topic: MockCluster.topic)
    mock.refuseProduce([RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE])
    #expect(served.send(1, partition: 0) == .queued)
    #expect(eventually { served.deliveries.count == 1 })
    #expect(served.send(2, partition: 0) == .queued)
    #expect(served.producer.flush(until: .after(ms: 20_000)))
    served.stop()
    #expect(served.deliveries.map(\.id) == [1, 2])
    #expect(served.deliveries.map { code($0.result) } == ["INVALID_MSG_SIZE", ""])
  }

  @Test(.timeLimit(.minutes(1)))
  func anUnknownPartitionIsRefusedAtOnce() throws {
    let mock = MockCluster(partitions: 4)
    let served = try ServedProducer(mock.settings, topic: MockCluster.topic)
    guard case .failed(let error) = served.send(1, partition: 99) else {
      Issue.record("took a partition that isn't there")
      return
    }
    #expect(error.code == "_UNKNOWN_PARTITION")
    #expect(served.census.count == 0)
    served.stop()
  }

  @Test(.timeLimit(.minutes(1)))
  func closingGivesTheTicketsBackThatNobodyPolled() throws {
    let mock = MockCluster()
    let census = Census()
    let producer = try KafkaProducer<Ticket>(
      mock.settings, topic: MockCluster.topic, queueLimit: 100, messageTimeoutMs: 60_000)
    mock.setDown()
    for id in 0..<10 {
      #expect(producer.send(key: [1], value: [2], ticket: Ticket(id, census)) == .queued)
    }
    #expect(producer.close().map(\.ticket.id).sorted() == Array(0..<10))
    #expect(producer.close().isEmpty)
    #expect(census.count == 0)
    guard case .failed = producer.send(key: [], value: [], ticket: Ticket(11, census)) else {
      Issue.record("a closed producer took a message")
      return
    }
    #expect(census.count == 0)
  }

  @Test(.timeLimit(.minutes(1)))
  func aProducerThatIsJustDroppedFreesItsTickets() throws {
    let mock = MockCluster()
    let census = Census()
    do {
      let producer = try KafkaProducer<Ticket>(
        mock.settings, topic: MockCluster.topic, queueLimit: 100, messageTimeoutMs: 60_000)
      mock.setDown()
      for id in 0..<10 {
        #expect(producer.send(key: [1], value: [2], ticket: Ticket(id, census)) == .queued)
      }
    }
    #expect(census.count == 0)
  }

  @Test(.timeLimit(.minutes(1)))
  func aBlockedPollWakesAtOnce() throws {
    let mock = MockCluster()
    let served = try ServedProducer(mock.settings, topic: MockCluster.topic)
    usleep(50_000)  // the publisher blocks, for ten seconds if nobody wakes it
    let start = MonotonicTime.now
    served.stop()
    #expect(MonotonicTime.now.microseconds(since: start) < 3_000_000)
  }

  @Test(.timeLimit(.minutes(1)))
  func outagesAreEventsAndShowInTheConnection() throws {
    let mock = MockCluster()
    let served = try ServedProducer(mock.settings, topic: MockCluster.topic)
    #expect(served.producer.isConnected)
    mock.setDown()
    #expect(eventually { !served.producer.isConnected })
    #expect(served.producer.takeEvents().contains { if case .error = $0 { true } else { false } })
    mock.setUp()
    // Without any message: a service that refuses draws while it isn't ready sends none.
    #expect(eventually { served.producer.isConnected })
    served.stop()
  }
}

struct Place: Hashable {
  let partition: Int32
  let offset: Int64

  init?(_ result: DeliveryResult) {
    guard case .acknowledged(let partition, let offset) = result else { return nil }
    self.partition = partition
    self.offset = offset
  }
}

/// The code of a failure, empty for an acknowledgement.
func code(_ result: DeliveryResult) -> String {
  if case .failed(let error) = result { error.code } else { "" }
}
