internal import Threads

/// Whether draws can be served, for `readyz` and the front.
final class Readiness: Sendable {
  enum State: Sendable, Equatable {
    case starting, serving, draining
    /// Something broke that only a new process cures: no more draws.
    case failed
  }

  private struct Values {
    var state = State.starting
    var lanes: [Bool]
    var isKafkaUsable = false
    var hasLease = false
    /// nil: not looked at yet.
    var isFenced: Bool?
    /// Settings of Redis that the promises can't do with.
    var wrongSettings: [String] = []
  }
  private let values: Lock<Values>

  init(lanes: Int) { values = Lock(Values(lanes: Array(repeating: false, count: lanes))) }

  var state: State { values.withLock { $0.state } }
  /// What has failed stays so.
  func set(_ state: State) {
    values.withLock { if $0.state != .failed { $0.state = state } }
  }
  func setRedis(lane: Int, isUsable: Bool) { values.withLock { $0.lanes[lane] = isUsable } }
  func setKafka(isUsable: Bool) { values.withLock { $0.isKafkaUsable = isUsable } }
  func setLease(isHeld: Bool) { values.withLock { $0.hasLease = isHeld } }
  func setFenced(_ isFenced: Bool) { values.withLock { $0.isFenced = isFenced } }
  func setWrongRedisSettings(_ names: [String]) { values.withLock { $0.wrongSettings = names } }

  /// What keeps this instance from serving; empty when it is ready.
  var missing: [String] {
    values.withLock { values in
      var missing: [String] = []
      switch values.state {
      case .starting: missing.append("starting")
      case .draining: missing.append("draining")
      case .failed: missing.append("failed")
      case .serving: break
      }
      if values.lanes.contains(false) || values.isFenced == nil { missing.append("redis") }
      if !values.isKafkaUsable { missing.append("kafka") }
      if !values.hasLease { missing.append("lease") }
      if values.isFenced == true { missing.append("fenced") }
      return missing + values.wrongSettings
    }
  }
}
