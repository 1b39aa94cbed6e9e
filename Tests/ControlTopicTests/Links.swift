import ControlTopic
import KafkaClient
import Stock
import TestSupport
import Threads

extension LocalStack {
  func kafka(_ clientId: String) -> KafkaSettings {
    KafkaSettings(bootstrap: kafkaBootstrap, clientId: clientId)
  }

  /// A control topic of the test's own.
  func makeControlTopic() throws -> String {
    let topic = try freshTopic(partitions: 1)
    _ = try ControlLink.ensureTopic(
      kafka("test"), topic: topic, replication: 1, minInSyncReplicas: 1)
    return topic
  }
}

extension ControlLink {
  /// Polls until `condition` holds for all that has come, or the time is over.
  func poll(
    within seconds: Double = 20, until condition: ([ControlEvent]) -> Bool
  ) -> [ControlEvent] {
    let deadline = MonotonicTime.after(ms: Int(seconds * 1_000))
    var events: [ControlEvent] = []
    while !condition(events) && deadline > .now { events += poll(until: deadline) }
    return events
  }
}

extension [ControlEvent] {
  var offsets: [Int: Int64] {
    var offsets: [Int: Int64] = [:]
    for case .acknowledged(let ticket, let offset) in self { offsets[ticket] = offset }
    return offsets
  }

  var failures: [Int: KafkaError] {
    var failures: [Int: KafkaError] = [:]
    for case .failed(let ticket, let error) in self { failures[ticket] = error }
    return failures
  }

  var position: Int64? {
    for case .read(let position, _) in reversed() { return position }
    return nil
  }

  var highestEpoch: Int64? {
    compactMap { if case .read(_, let epoch) = $0 { epoch } else { nil } }.max()
  }

  var clientEvents: [KafkaClientEvent] {
    compactMap { if case .client(let event) = $0 { event } else { nil } }
  }

  /// The record of this ticket is acknowledged, and read.
  func hasRead(_ ticket: Int) -> Bool {
    guard let offset = offsets[ticket], let position else { return false }
    return position > offset
  }
}
