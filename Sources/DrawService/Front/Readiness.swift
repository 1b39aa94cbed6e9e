internal import Threads

/// Whether draws can be served, for `readyz` and the front.
final class Readiness: Sendable {
  enum State: Sendable, Equatable { case starting, serving, draining }

  private struct Values {
    var state = State.starting
    var lanes: [Bool]
    var isKafkaUsable = false
  }
  private let values: Lock<Values>

  init(lanes: Int) { values = Lock(Values(lanes: Array(repeating: false, count: lanes))) }

  var state: State { values.withLock { $0.state } }
  func set(_ state: State) { values.withLock { $0.state = state } }
  func setRedis(lane: Int, isUsable: Bool) { values.withLock { $0.lanes[lane] = isUsable } }
  func setKafka(isUsable: Bool) { values.withLock { $0.isKafkaUsable = isUsable } }

  /// What keeps this instance from serving; empty when it is ready.
  var missing: [String] {
    values.withLock { values in
      var missing: [String] = []
      if values.state == .starting { missing.append("starting") }
      if values.state == .draining { missing.append("draining") }
      if values.lanes.contains(false) { missing.append("redis") }
      if !values.isKafkaUsable { missing.append("kafka") }
      return missing
    }
  }
}
