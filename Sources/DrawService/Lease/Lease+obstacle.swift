/// Why a lease is not renewed, for a person.
enum LeaseObstacle: String, Sendable {
  case notSent = "no heartbeat could be sent"
  case notAcknowledged = "heartbeats are not acknowledged by all in-sync replicas"
  case notRead = "heartbeats are acknowledged, but the control topic is not read up to them"
  case stopped = "this process was stopped or held up for as long as a lease lasts"
}

extension Lease {
  /// What holds up the newest confirmation, as far as is known.
  var obstacle: LeaseObstacle {
    if hasUnreadHeartbeat { return .notRead }
    return outstandingCount > 0 || hasFailed ? .notAcknowledged : .notSent
  }
}
