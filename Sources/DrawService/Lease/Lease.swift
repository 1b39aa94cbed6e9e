internal import Protections
internal import Threads

// DESIGN
// An instance may say `claimed` only while it knows that no newer epoch exists. It learns that by writing: a heartbeat
// to the control topic, acknowledged by all in-sync replicas and read past, shows that at the moment of its sending
// nobody had begun an epoch that is not known here. A recovery waits for `durationMs` after it has announced its epoch,
// so until then nothing is void that Kafka has acknowledged. Reading alone is not enough: a deposed leader serves old
// data.

/// What this instance knows of the control topic: a value that is told what happened, in its order.
struct Lease: Sendable {
  private struct Heartbeat {
    let sentAt: BootTime
    /// nil: not acknowledged yet.
    var offset: Int64?
  }

  /// Heartbeats without a confirmation that are remembered; more are not to be sent.
  static let outstandingLimit = 32

  let durationMs: Int
  /// The lease holds before this moment; nil: there was none yet.
  private(set) var validUntil: BootTime?
  /// The highest epoch ever read, not the last one: an older one may be read again. 0: none.
  private(set) var highestEpoch: Int64 = 0
  /// Everything below this offset was read.
  private var position: Int64 = 0
  private var outstanding: [Int: Heartbeat] = [:]
  /// Whether a heartbeat failed since the last confirmation.
  private(set) var hasFailed = false

  init(durationMs: Int) { self.durationMs = durationMs }

  /// Heartbeats that were sent and are not confirmed yet.
  var outstandingCount: Int { outstanding.count }

  /// Whether one of them is acknowledged and not read yet.
  var hasUnreadHeartbeat: Bool { outstanding.values.contains { $0.offset != nil } }

  /// Whether another heartbeat may be sent at this moment.
  func canSend(at moment: BootTime) -> Bool {
    outstanding.values.count { isWorthSomething($0, at: moment) } < Self.outstandingLimit
  }

  /// A heartbeat is about to be sent: its lease counts from here.
  ///
  /// Those whose lease would be over by now are forgotten: one that is acknowledged and never read, in a topic that was
  /// cut short, would keep its place for ever.
  mutating func sent(ticket: Int, at moment: BootTime) {
    precondition(canSend(at: moment), "more heartbeats than may be outstanding")
    outstanding = outstanding.filter { isWorthSomething($0.value, at: moment) }
    outstanding[ticket] = Heartbeat(sentAt: moment)
  }

  /// Of a ticket that is not known any more, confirmed by a later one or too old, nothing follows.
  mutating func acknowledged(ticket: Int, offset: Int64) {
    outstanding[ticket]?.offset = offset
    confirm()
  }

  mutating func failed(ticket: Int) {
    outstanding[ticket] = nil
    hasFailed = true
  }

  /// Everything below `position` was read, epochs up to `highestEpoch` in it; nil: none that is new.
  ///
  /// The position may go back, where the topic was cut short and is read again.
  mutating func read(position: Int64, highestEpoch epoch: Int64?) {
    self.position = position
    if let epoch {
      highestEpoch = Protection.highestEpochCounts.isOn ? max(highestEpoch, epoch) : epoch
    }
    confirm()
  }

  func view(at moment: BootTime) -> LeaseView {
    LeaseView(isValid: validUntil.map { moment < $0 } ?? false, highestEpoch: highestEpoch)
  }

  private mutating func confirm() {
    let confirmed = outstanding.values.filter { isConfirmed($0) }.map(\.sentAt).max()
    guard let confirmed else { return }
    hasFailed = false
    outstanding = outstanding.filter { $0.value.sentAt > confirmed }
    let until = confirmed.adding(ms: durationMs)
    validUntil = max(validUntil ?? until, until)
  }

  private func isWorthSomething(_ heartbeat: Heartbeat, at moment: BootTime) -> Bool {
    moment < heartbeat.sentAt.adding(ms: durationMs)
  }

  private func isConfirmed(_ heartbeat: Heartbeat) -> Bool {
    guard Protection.leaseByWriting.isOn else { return true }
    return heartbeat.offset.map { $0 < position } ?? false
  }
}
