internal import Threads

/// What there is to tell of a lease as time goes by: a value that is asked every turn, decided without I/O.
struct LeaseWatch {
  enum Change: Equatable {
    case gained
    case lost(Loss)
  }

  struct Loss: Equatable {
    /// Whether a person is to be called.
    let isAlarm: Bool
    let why: LeaseObstacle
    /// How long there has been no lease.
    let sinceMs: Int64
  }

  /// A lease that is lost again that soon is a warning: somebody was called already.
  static let calmMs = 60_000

  private let start: BootTime
  private var lastTurn: BootTime
  private(set) var isHeld = false
  /// When the absence is an alarm, if the lease isn't back by then; nil: it was told, or there is a lease.
  private var alarmAt: BootTime?
  private var lastLoss: BootTime?

  /// `start`: when the link to the control topic was made.
  init(start: BootTime, durationMs: Int) {
    self.start = start
    lastTurn = start
    alarmAt = start.adding(ms: 2 * durationMs)
  }

  /// What has changed since the last turn; each change is told once.
  mutating func turn(_ lease: Lease, at now: BootTime) -> Change? {
    let wasStopped = now >= lastTurn.adding(ms: lease.durationMs)
    lastTurn = now
    let wasHeld = isHeld
    isHeld = lease.view(at: now).isValid
    if isHeld {
      alarmAt = nil
      return wasHeld ? nil : .gained
    }
    let sinceMs = now.milliseconds(since: lease.validUntil ?? start)
    // Kafka is not to blame, unless the lease stays away.
    if wasStopped && (wasHeld || alarmAt != nil) {
      alarmAt = now.adding(ms: 2 * lease.durationMs)
      return wasHeld ? .lost(Loss(isAlarm: false, why: .stopped, sinceMs: sinceMs)) : nil
    }
    guard wasHeld || alarmAt.map({ $0 <= now }) ?? false else { return nil }
    alarmAt = nil
    let isCalm = lastLoss.map { $0.adding(ms: Self.calmMs) <= now } ?? true
    lastLoss = now
    return .lost(Loss(isAlarm: isCalm, why: lease.obstacle, sinceMs: sinceMs))
  }
}
