// DESIGN
// The whole protocol between the group, the gatherer and the applier, as a value without I/O: what happens goes
// in, actions come out, and time is an argument.
//
// Postgres is the position. So whenever it may have moved otherwise than by our own applied batches (a rebalance,
// a failed, unknown or lost transaction, an outage), everything gathered is dropped, the consumer is parked and the
// applier is asked where the partitions stand. The question queues behind the batches that were handed over, and
// only its answer assigns.
//
//     idle ── assigned ──▶ asking ── answer ──▶ reading ── failure, busy for too long ──▶ waiting ──▶ asking
//                                                  └── a message for newer workers ──▶ draining ──▶ asking
//
// A partition that fails is left out, and tried again after a growing wait: a broker's error may pass. One whose message is
// for newer workers stays left out until somebody else may have it.

import Threads

struct ConsumerFlow {
  struct Limits: Sendable {
    /// Messages of a batch.
    var batch: Int
    /// A batch closes that long after its first message.
    var flushMs: Int
    /// With a full batch waiting and the applier busy for that long, park and keep polling instead.
    var busyMs: Int
  }

  enum Action: Equatable {
    /// Read nothing, stay a member.
    case park
    case assign([Int32: Int64])
    /// Ask the applier for the positions of these; the answer has to carry the token.
    case ask(token: Int, [Int32])
    case handOver(Batch)
    /// To Kafka, for those who watch lag.
    case commit([Int32: Int64])
  }

  enum Phase: Equatable {
    /// No partitions.
    case idle
    case asking(token: Int)
    case reading
    /// Hand over what was gathered, then ask: a partition has to be left out.
    case draining
    /// Ask at that moment.
    case waiting(MonotonicTime)
  }

  let limits: Limits
  private(set) var phase = Phase.idle
  private(set) var assigned: Set<Int32> = []
  /// Partitions that are left out, and why, until the next try or rebalance.
  private(set) var stuck: [Int32: String] = [:]
  /// Those that failed, from then until something of them is read.
  private(set) var failing: Set<Int32> = []
  /// When those that are left out for a failure are tried again.
  private var retryAt: MonotonicTime?
  private var retryBackoff: Backoff
  /// Where gathering stands.
  private(set) var positions: [Int32: Int64] = [:]
  private(set) var gathered: [StreamMessage] = []
  /// Handed over and not reported yet, in order. The applier drops what is behind one that failed.
  private(set) var inFlight: [Batch] = []
  private var gatheredStart: [Int32: Int64] = [:]
  private var gatheredSince: MonotonicTime?
  private var inFlightSince: MonotonicTime?
  private var lastToken = 0
  private var backoff: Backoff

  /// The same `jitterSeed` gives the same waits.
  init(_ limits: Limits, jitterSeed: UInt64 = .random(in: 0 ... .max)) {
    self.limits = limits
    backoff = Backoff(initialMs: 20, maximumMs: 2_000, seed: jitterSeed)
    retryBackoff = Backoff(initialMs: 1_000, maximumMs: 30_000, seed: jitterSeed)
  }

  /// How many more messages fit.
  var room: Int { phase == .reading ? limits.batch - gathered.count : limits.batch }

  /// Nothing more will come before the applier reports.
  var isFull: Bool { phase == .reading && gathered.count >= limits.batch && !hasPlace }

  /// Something is to be done that is not done yet: what the watchdog looks at.
  var hasWork: Bool {
    switch phase {
    case .idle: !inFlight.isEmpty
    case .asking, .draining, .waiting: true
    case .reading: !inFlight.isEmpty || !gathered.isEmpty
    }
  }

  /// For the stats line.
  var phaseName: String {
    switch phase {
    case .idle: "idle"
    case .asking, .waiting: "parked"
    case .draining: "draining"
    case .reading: "reading"
    }
  }

  /// Partitions that are read or will be.
  var readable: [Int32] { assigned.filter { stuck[$0] == nil }.sorted() }

  // MARK: What the group says

  mutating func assigned(_ partitions: [Int32], now: MonotonicTime) -> [Action] {
    if partitions.isEmpty { return unassigned() }
    assigned = Set(partitions)
    forgetFailures()
    return restart(at: now)
  }

  /// Revoked or lost, all of them: rebalances are eager.
  mutating func unassigned() -> [Action] {
    assigned = []
    forgetFailures()
    drop()
    phase = .idle
    return [.park]
  }

  // MARK: What the topic says

  mutating func take(_ message: StreamMessage, now: MonotonicTime) {
    guard phase == .reading, let position = positions[message.partition],
      stuck[message.partition] == nil, message.offset >= position
    else { return }  // read before it was parked: it will be read again
    if gathered.isEmpty { gatheredSince = now }
    if gatheredStart[message.partition] == nil { gatheredStart[message.partition] = position }
    gathered.append(message)
    positions[message.partition] = message.offset + 1
    if failing.remove(message.partition) != nil, failing.isEmpty { retryBackoff.reset() }
  }

  /// A partition cannot go on: what was gathered of it is applied, then it is left out, until the next rebalance.
  mutating func leaveOut(_ partition: Int32, because reason: String) {
    guard assigned.contains(partition), stuck[partition] == nil else { return }
    stuck[partition] = reason
    failing.remove(partition)
    if phase == .reading { phase = .draining }
  }

  /// The same for a while: it failed, and may go on later.
  mutating func leaveOut(_ partition: Int32, failing reason: String, now: MonotonicTime) {
    guard assigned.contains(partition), stuck[partition] == nil else { return }
    leaveOut(partition, because: reason)
    failing.insert(partition)
    retryAt = retryAt ?? now.adding(ms: retryBackoff.nextMs())
  }

  private mutating func forgetFailures() {
    stuck = [:]
    failing = []
    retryAt = nil
    retryBackoff.reset()
  }

  // MARK: What the applier says

  mutating func answered(token: Int, _ next: [Int32: Int64]) -> [Action] {
    guard phase == .asking(token: token) else { return [] }
    positions = next
    phase = .reading
    return [.assign(next)]
  }

  mutating func applied() -> [Action] {
    if inFlight.isEmpty { return [] }
    let batch = inFlight.removeFirst()
    backoff.reset()
    return assigned.isSuperset(of: batch.partitions) ? [.commit(batch.end)] : []
  }

  /// Postgres is away: it is asked at once, for the answer comes when it is back.
  mutating func unavailable(now: MonotonicTime) -> [Action] {
    failed(at: now)
  }

  /// Somebody else moved the position: not at once, or two that fight would spin.
  mutating func positionLost(now: MonotonicTime) -> [Action] {
    failed(at: now.adding(ms: backoff.nextMs()))
  }

  private mutating func failed(at moment: MonotonicTime) -> [Action] {
    inFlight = []
    // What a stuck partition had before the message it is stuck at may be in the failed batch: read it again.
    stuck = [:]
    retryAt = nil
    return assigned.isEmpty ? [] : restart(at: moment)
  }

  // MARK: Time

  /// The question could not be asked; it is asked again soon.
  mutating func askRefused(now: MonotonicTime) { phase = .waiting(now.adding(ms: 100)) }

  mutating func tick(now: MonotonicTime) -> [Action] {
    switch phase {
    case .idle, .asking: return []
    case .waiting(let moment): return moment <= now ? [ask()] : []
    case .draining:
      if gathered.isEmpty { return restart(at: now) + tick(now: now) }
      return inFlight.isEmpty ? [handOver(now)] : []
    case .reading:
      if let retryAt, retryAt <= now { return tryAgain(now) + tick(now: now) }
      guard isClosed(now) else { return [] }
      if hasPlace { return [handOver(now)] }
      if isFull, let since = inFlightSince, since.adding(ms: limits.busyMs) <= now {
        return restart(at: now) + tick(now: now)
      }
      return []
    }
  }

  /// The moment by which `tick` has something to do, if nothing else happens.
  func nextTick(now: MonotonicTime) -> MonotonicTime? {
    switch phase {
    case .idle, .asking, .draining: nil
    case .waiting(let moment): moment
    case .reading: [retryAt, nextBatch].compactMap(\.self).min()
    }
  }

  private var nextBatch: MonotonicTime? {
    if isFull { return inFlightSince?.adding(ms: limits.busyMs) }
    return inFlight.isEmpty ? gatheredSince?.adding(ms: limits.flushMs) : nil
  }

  /// The applier is free, or has no more than one batch: then a full one goes behind it, so that it finds its next work
  /// at once. One that is not full grows meanwhile.
  private var hasPlace: Bool {
    inFlight.isEmpty || inFlight.count == 1 && gathered.count >= limits.batch
  }

  /// Stopping: what was gathered becomes the last batch, if it can be applied.
  mutating func finish(now: MonotonicTime) -> [Action] {
    switch phase {
    case .reading, .draining: inFlight.isEmpty && !gathered.isEmpty ? [handOver(now)] : []
    case .idle, .asking, .waiting: []
    }
  }

  private func isClosed(_ now: MonotonicTime) -> Bool {
    guard let since = gatheredSince, !gathered.isEmpty else { return false }
    return gathered.count >= limits.batch || since.adding(ms: limits.flushMs) <= now
  }

  private mutating func handOver(_ now: MonotonicTime) -> Action {
    let batch = Batch(start: gatheredStart, messages: gathered)
    gathered = []
    gatheredStart = [:]
    gatheredSince = nil
    inFlight.append(batch)
    inFlightSince = now
    return .handOver(batch)
  }

  private mutating func drop() {
    gathered = []
    gatheredStart = [:]
    gatheredSince = nil
    positions = [:]
  }

  private mutating func tryAgain(_ now: MonotonicTime) -> [Action] {
    retryAt = nil
    for partition in failing { stuck[partition] = nil }
    return restart(at: now)
  }

  private mutating func restart(at moment: MonotonicTime) -> [Action] {
    drop()
    phase = .waiting(moment)
    return [.park]
  }

  private mutating func ask() -> Action {
    lastToken += 1
    phase = .asking(token: lastToken)
    return .ask(token: lastToken, readable)
  }
}
