import Foundation
import TestSupport
import Threads

/// Events that somebody writes into the topic who is neither of the services.
extension Topic {
  /// In the layout of `deploy/docs/architecture.md`.
  struct Event: Codable, Equatable {
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

  struct Placed {
    let partition: Int
    let offset: Int
    let event: Event
  }

  /// All events, each partition's in its order; what is none is left out.
  func events() throws -> [Placed] {
    try records().compactMap { record in
      guard let payload = record.payload,
        let event = try? JSONDecoder().decode(Event.self, from: Data(payload))
      else { return nil }
      return Placed(partition: record.partition, offset: record.offset, event: event)
    }
  }

  /// Adds an event, and finds it.
  func add(_ event: Event, to partition: Int, folder: String) throws -> Placed {
    let payload = try [UInt8](JSONEncoder().encode(event))
    try add(payload, key: "\(event.activity)_\(event.slot)", to: partition, folder: folder)
    guard let placed = try events().last(where: { $0.event == event && $0.partition == partition })
    else { throw TestSupportError("\(event) is not in the topic") }
    return placed
  }
}

extension Sale {
  /// Waits until the event is a dead letter for this reason and a worker has raised the alarm; false if that doesn't come.
  func awaitDeadLetter(_ placed: Topic.Placed, reason: String) throws -> Bool {
    let sql = """
      SELECT reason FROM dead_letter WHERE topic = '\(deployment.topic)'
        AND partition = \(placed.partition) AND "offset" = \(placed.offset)
      """
    return try eventually(within: 20, everyMs: 50) {
      try query(sql) == [reason] && hasAlarm(of: placed, reason)
    }
  }

  private func hasAlarm(of placed: Topic.Placed, _ reason: String) -> Bool {
    workers.contains { worker in
      worker.events("dead_letter").contains { line in
        line["level"] as? String == "alarm" && line["reason"] as? String == reason
          && line["partition"] as? Int == placed.partition
          && line["offset"] as? Int == placed.offset
      }
    }
  }
}
