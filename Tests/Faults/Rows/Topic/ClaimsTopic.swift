import Foundation
import TestSupport
import Threads

/// The topic of events as somebody sees and writes it who is neither of the services: by way of kcat.
struct ClaimsTopic {
  let bootstrap: String
  let topic: String

  init(_ sale: Sale) {
    bootstrap = sale.ground.stack.kafkaBootstrap
    topic = sale.deployment.topic
  }

  /// A record that is an event.
  struct Record {
    let partition: Int
    let offset: Int
    let event: Event
  }

  /// In the layout of `deploy/docs/architecture.md`.
  struct Event: Codable {
    var v = 1
    var type = "claimed"
    var activity: Int
    var slot: Int
    var seq: Int
    var epoch: Int
    var user: String
    var request: String
    /// Milliseconds since 1970.
    var time = wallClockMs()
  }

  /// All events, by partition and offset; barriers and what is none of ours are left out.
  func events() throws -> [Record] {
    let output = try Subprocess.run(
      "kcat",
      ["-C", "-q", "-b", bootstrap, "-t", topic, "-o", "beginning", "-e", "-f", "%p %o %s\\n"])
    return output.split(separator: "\n").compactMap { line in
      let parts = line.split(separator: " ", maxSplits: 2)
      guard parts.count == 3, let partition = Int(parts[0]), let offset = Int(parts[1]),
        let event = try? JSONDecoder().decode(Event.self, from: Data(parts[2].utf8))
      else { return nil }
      return Record(partition: partition, offset: offset, event: event)
    }
  }

  /// Publishes an event where the services would; gives where it stands.
  func publish(_ event: Event) throws -> Record {
    let folder = try temporaryDirectory("event")
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try JSONEncoder().encode(event).write(to: URL(fileURLWithPath: folder + "/event"))
    try Subprocess.run(
      "kcat",
      [
        "-P", "-b", bootstrap, "-t", topic, "-X", "partitioner=murmur2_random",
        "-k", "\(event.activity)_\(event.slot)", folder + "/event",
      ])
    let record = try events().last {
      $0.event.request == event.request && $0.event.user == event.user
    }
    guard let record else { throw TestSupportError("\(event) is not in the topic") }
    return record
  }
}

extension Sale {
  /// Waits until the record is a dead letter and a worker has raised an alarm for it, and plants it. False when
  /// that does not come, or has another reason.
  func awaitDeadLetter(_ record: ClaimsTopic.Record, reason: String) throws -> Bool {
    let sql = """
      SELECT reason FROM dead_letter
      WHERE topic = '\(deployment.topic)' AND partition = \(record.partition) AND "offset" = \(record.offset)
      """
    let isThere = try eventually(within: 20, everyMs: 50) {
      try query(sql) == [reason] && hasAlarm(of: record, reason)
    }
    if isThere { plant(partition: record.partition, offset: record.offset, reason: reason) }
    return isThere
  }

  private func hasAlarm(of record: ClaimsTopic.Record, _ reason: String) -> Bool {
    workers.contains { worker in
      worker.events("dead_letter").contains { line in
        line["level"] as? String == "alarm" && line["reason"] as? String == reason
          && line["partition"] as? Int == record.partition
          && line["offset"] as? Int == record.offset
      }
    }
  }
}
