import ControlTopic
import KafkaClient
import Stock
import Testing
import Threads

/// Links whose brokers are away.
@Suite struct ControlLinkWithoutKafkaTests {
  private let settings = KafkaSettings(bootstrap: "127.0.0.1:1", clientId: "a")

  private func link() throws -> ControlLink {
    try ControlLink(settings, topic: "stock.control", messageTimeoutMs: 1_000, warmUpMs: 10)
  }

  @Test(.timeLimit(.minutes(1)))
  func aRecordFailsInTime() throws {
    let link = try link()
    #expect(link.send(.epoch(1, timeMs: 1), ticket: 7) == .queued)
    let start = MonotonicTime.now
    let events = link.poll { !$0.failures.isEmpty }
    #expect(MonotonicTime.now.microseconds(since: start) < 5_000_000)
    #expect(events.failures[7]?.isRetriable == true)
    #expect(events.position == nil)
    #expect(link.position == 0)
    #expect(!link.isConnected)
    #expect(!events.clientEvents.isEmpty)
    let closing = MonotonicTime.now
    link.close()
    #expect(MonotonicTime.now.microseconds(since: closing) < 5_000_000)
  }

  @Test(.timeLimit(.minutes(1)))
  func theEndIsNotReached() throws {
    let link = try link()
    let start = MonotonicTime.now
    let error = #expect(throws: KafkaError.self) {
      try link.readToEnd(until: .after(ms: 3_000))
    }
    #expect(error?.isRetriable == true)
    #expect(MonotonicTime.now.microseconds(since: start) < 6_000_000)
    #expect(link.poll(until: .now).failures.isEmpty)
    link.close()
  }

  @Test(.timeLimit(.minutes(1)))
  func nobodyIsAskedToWaitForAFullQueue() throws {
    let link = try link()
    for ticket in 0..<ControlLink.queueLimit {
      #expect(link.send(.epoch(1, timeMs: 1), ticket: ticket) == .queued)
    }
    #expect(link.send(.epoch(1, timeMs: 1), ticket: -1) == .queueFull)
    let events = link.poll { $0.failures.count == ControlLink.queueLimit }
    #expect(Set(events.failures.keys) == Set(0..<ControlLink.queueLimit))
    link.close()
  }
}
