import KafkaClient
import Protections
import RedisClient
import Stock
import StockRecords
import Threads

@testable import DrawService
@testable import HTTPServer
@testable import ScriptModel

/// A DrawService: its decisions are the service's own, what stands between them is played.
final class DrawActor {
  /// As the lane's own.
  private static let idleMs: Int64 = 900

  unowned let world: World
  let process: Process
  private let limits: ClaimLimits
  private let scripts: StockScripts

  // What a crash loses.
  private var exchanges: [UInt64: (Answer) -> Void] = [:]
  private var lastSerial: UInt64 = 0
  private var permits = Permits(limit: 64)
  private var inbox: [LaneWork] = []
  private var lane = LaneState()
  private var underWay: Set<OutboxEntry.ID> = []
  private var relay = RelayState()
  var leaseState: LeaseState

  struct LaneState {
    var connection: Connection?
    var clock: RedisClock?
    var isBusy = false
    var lastUseUs: Int64 = 0
    var again: [DrawRequest] = []
    var undecided: [DrawRequest] = []
  }

  struct RelayState {
    var connection: Connection?
    var schedule: RelaySchedule
    init(seed: UInt64 = 0) { schedule = RelaySchedule(jitterSeed: seed) }
  }

  struct LeaseState {
    var lease: Lease
    var position: Int64 = 0
    var lastTicket = 0
  }

  /// Cut off with a deposed leader of the control topic until then; it serves what it had.
  var isCutUntilUs: Int64 = 0
  var lengthWhenCut = 0

  init(_ world: World, number: Int, scripts: StockScripts) {
    self.world = world
    self.scripts = scripts
    let setup = world.setup
    process = Process(
      "D\(number + 1)", clockStartMs: world.between(1_000, 100_000_000),
      driftPpm: world.drift())
    limits = ClaimLimits(
      deadlineMs: Int(setup.deadlineMs), slideLimit: 1 + world.pick(8), outboxCap: 1_000,
      batch: 1 + world.pick(4))
    leaseState = LeaseState(lease: Lease(durationMs: Int(setup.leaseMs)))
  }

  func start() {
    process.start()
    exchanges = [:]
    permits = Permits(limit: 64)
    inbox = []
    lane = LaneState()
    underWay = []
    relay = RelayState(seed: world.random.next())
    leaseState = LeaseState(lease: Lease(durationMs: Int(world.setup.leaseMs)))
    world.after(ms: world.between(1, 50), process) { [unowned self] in beat() }
    world.after(ms: world.between(1, world.setup.relayIntervalMs), process) { [unowned self] in
      sweep()
    }
  }

  func crash() {
    lane.connection.map(world.close)
    relay.connection.map(world.close)
    process.crash()
  }

  private var monotonic: MonotonicTime { process.monotonic(world.nowUs) }
  var view: LeaseView { leaseState.lease.view(at: process.bootTime(world.nowUs)) }

  var isBusy: Bool { lane.isBusy || !inbox.isEmpty || !underWay.isEmpty || !exchanges.isEmpty }

  // MARK: The front

  /// A client's request has arrived.
  func take(
    _ operation: DrawRequest.Operation, activity: Int, user: String, request: String,
    _ answer: @escaping (Answer) -> Void
  ) {
    lastSerial += 1
    exchanges[lastSerial] = answer
    inbox.append(
      .request(
        DrawRequest(
          token: ReplyToken(loop: 0, slot: 0, serial: lastSerial),
          activity: ActivityID(Int64(activity + 1))!, operation: operation, user: user,
          request: request, arrived: monotonic)))
    wakeLane()
  }

  private func reply(_ batch: ReplyBatch) {
    for (request, answer) in batch.answers {
      guard let exchange = exchanges.removeValue(forKey: request.token.serial) else { continue }
      exchange(answer)
    }
  }

  // MARK: The lane

  private func wakeLane() {
    if lane.isBusy { return }
    lane.isBusy = true
    world.after(us: world.between(10, 300), process) { [unowned self] in
      withConnection { [unowned self] in turn() }
    }
  }

  private func withConnection(_ body: @escaping () -> Void) {
    let isIdle = world.nowUs - lane.lastUseUs > Self.idleMs * 1_000
    lane.lastUseUs = world.nowUs
    if let connection = lane.connection, connection.isOpen {
      if lane.clock != nil && !isIdle { return body() }
      return readClock(connection, body)
    }
    lane.clock = nil
    world.connect(process) { [unowned self] connection in
      lane.connection = connection
      if let connection { readClock(connection, body) } else { body() }
    }
  }

  private func readClock(_ connection: Connection, _ body: @escaping () -> Void) {
    var redisMs: Int64 = 0
    world.send(connection, process) { [unowned self] in
      redisMs = world.redisMs(connection.server)
      return []
    } _: { [unowned self] replies in
      lane.clock = replies.map { _ in RedisClock(redisMs: redisMs, receivedAt: monotonic) }
      body()
    }
  }

  private func turn() {
    var requests = lane.again + lane.undecided
    var acknowledgements: [Acknowledgement] = []
    lane.again = []
    lane.undecided = []
    for work in inbox {
      switch work {
      case .request(let request): requests.append(request)
      case .acknowledge(let acknowledgement): acknowledgements.append(acknowledgement)
      }
    }
    inbox = []
    var batch = ReplyBatch()
    defer { reply(batch) }
    guard let connection = lane.connection, connection.isOpen, let clock = lane.clock else {
      for request in requests { batch.add(request, .refused(.unavailable)) }
      for acknowledgement in acknowledgements { leaveToRelay(acknowledgement, &batch) }
      return turnEnded()
    }
    let lease = view
    let admission = Admission(
      requests, deadlineMs: limits.deadlineMs, permits: permits, lease: lease, now: monotonic,
      &batch)
    for late in acknowledgements where !late.mayBeSent(under: lease) {
      world.met(.releaseLeftToRelay)
      leaveToRelay(late, &batch)
    }
    let plan = LanePlan(
      requests: admission.admitted,
      acknowledgements: acknowledgements.filter { $0.mayBeSent(under: lease) },
      batchLimit: limits.batch)
    if plan.calls.isEmpty { return turnEnded() }
    let commands = plan.commands(
      scripts, limits, epochSeen: leaseState.lease.highestEpoch, clock)
    world.send(connection, process) { [unowned self] in
      commands.map { world.execute($0, on: connection) }
    } _: { [unowned self] replies in
      follow(plan, replies, taken: admission.taken)
    }
  }

  private func follow(_ plan: LanePlan, _ replies: [RedisReply]?, taken: Int) {
    let lease = view
    let outcomes =
      replies.map { zip(plan.calls, $0).map { LaneOutcome($0, $1, lease: lease) } }
      ?? plan.calls.map(LaneOutcome.failed)
    let published = outcomes.reduce(0) { $0 + ($1.entry?.events.count ?? 0) }
    permits.giveBack(taken - published)
    var batch = ReplyBatch()
    for outcome in outcomes {
      for answer in outcome.answers { batch.add(answer.request, answer.answer) }
      if let entry = outcome.entry { publish(entry) }
      lane.again += outcome.again
      for request in outcome.undecided {
        if request.arrived.adding(ms: limits.deadlineMs) <= monotonic {
          batch.add(request, .pending(request: request.request))
        } else {
          lane.undecided.append(request)
        }
      }
      if let reason = outcome.fence { world.met(reason) }
      if let nowMs = outcome.nowMs {
        lane.clock = RedisClock(redisMs: nowMs, receivedAt: monotonic)
      }
      if let complaint = outcome.complaint { world.broken(.notAlike, complaint) }
    }
    reply(batch)
    turnEnded()
  }

  private func turnEnded() {
    lane.isBusy = false
    if !inbox.isEmpty || !lane.again.isEmpty { return wakeLane() }
    if lane.undecided.isEmpty { return }
    world.after(ms: 5, process) { [unowned self] in wakeLane() }
  }

  private func leaveToRelay(_ acknowledgement: Acknowledgement, _ batch: inout ReplyBatch) {
    for release in acknowledgement.releases {
      batch.add(release.request, .pending(request: release.request.request))
    }
  }

  // MARK: The publisher

  private func publish(_ entry: OutboxEntry) {
    underWay.insert(entry.id)
    let early = view
    for publication in entry.publications() {
      let event = publication.event
      world.produce(.event(event), to: world.partition(of: event), by: process) {
        [unowned self] report in settle(publication, report, early)
      }
      guard let deadline = publication.deadline(ms: limits.deadlineMs) else { continue }
      let leftNs = deadline.nanoseconds - monotonic.nanoseconds
      world.after(us: leftNs / 1_000 + 20_000, process) { [unowned self] in
        guard let waiter = publication.takeWaiter() else { return }
        tell(waiter, .pending(request: publication.event.request))
      }
    }
  }

  /// `early`: the lease when the event was sent, which proves nothing.
  private func settle(_ publication: Publication, _ report: Report, _ early: LeaseView) {
    permits.giveBack(1)
    let event = publication.event
    let isAcknowledged = if case .acknowledged = report { true } else { false }
    let settlement = Settlement(
      event.kind, epoch: event.epoch, isAcknowledged: isAcknowledged,
      lease: Protection.leaseAfterReport.isOn ? view : early)
    switch settlement {
    case .claimed:
      if let waiter = publication.takeWaiter() {
        tell(waiter, .claimed(slot: event.slot, request: event.request, isReplay: false))
      }
    case .pending:
      if let waiter = publication.takeWaiter() { tell(waiter, .pending(request: event.request)) }
      if isAcknowledged { world.met(.acknowledgedWithoutLease) }
    case .waits: break
    }
    let acknowledgement = publication.entry.report(isAcknowledged: isAcknowledged)
    if publication.entry.isReported { underWay.remove(publication.entry.id) }
    guard let acknowledgement else { return }
    inbox.append(.acknowledge(acknowledgement))
    wakeLane()
  }

  private func tell(_ waiter: DrawRequest, _ answer: Answer) {
    var batch = ReplyBatch()
    batch.add(waiter, answer)
    reply(batch)
  }

  // MARK: The relay

  private func sweep() {
    let setup = world.setup
    world.after(us: process.realUs(forMs: setup.relayIntervalMs), process) { [unowned self] in
      sweep()
    }
    if !view.isValid { return }
    if let connection = relay.connection, connection.isOpen { return sweep(connection) }
    world.connect(process) { [unowned self] connection in
      relay.connection = connection
      if let connection { sweep(connection) }
    }
  }

  private func sweep(_ connection: Connection) {
    var found: [[RelayPage.Entry]] = []
    var nowMs: Int64 = 0
    world.send(connection, process) { [unowned self] in
      nowMs = world.redisMs(connection.server)
      let data = world.redis.servers[connection.server].data
      if data.fence == data.identity { found = world.outboxes(of: connection.server) }
      return []
    } _: { [unowned self] replies in
      if replies == nil || !view.isValid { return }
      for (place, entries) in found.enumerated() where !entries.isEmpty {
        walk(entries, of: ActivityID(Int64(place + 1))!, nowMs: nowMs)
      }
    }
  }

  private func walk(_ entries: [RelayPage.Entry], of activity: ActivityID, nowMs: Int64) {
    let page = RelayPage(
      entries, of: activity, limit: .max, nowMs: nowMs, ageMs: Int(world.setup.relayAgeMs),
      schedule: &relay.schedule, now: monotonic, isUnderWay: underWay.contains,
      take: permits.take(all:))
    if page.end == .lap { relay.schedule.endLap(activity) }
    for (record, _) in page.due {
      world.met(.relayed)
      let id = OutboxEntry.ID(activity: activity, epoch: record.epoch, lastSeq: record.lastSeq)
      publish(OutboxEntry(id, events: record.events.map { (event: $0, waiter: nil) }))
    }
  }

  // MARK: The lease

  private func beat() {
    world.after(us: process.realUs(forMs: world.setup.heartbeatMs), process) { [unowned self] in
      beat()
    }
    readControl()
    let now = process.bootTime(world.nowUs)
    if !leaseState.lease.canSend(at: now) { return }
    leaseState.lastTicket += 1
    let ticket = leaseState.lastTicket
    leaseState.lease.sent(ticket: ticket, at: now)
    world.produceControl(nil, by: process, isCut: isCut) { [unowned self] report in
      readControl()
      switch report {
      case .acknowledged(let offset): leaseState.lease.acknowledged(ticket: ticket, offset: offset)
      case .failed: leaseState.lease.failed(ticket: ticket)
      }
    }
  }

  private var isCut: Bool { isCutUntilUs > world.nowUs }

  func readControl() {
    let log = world.kafka.control
    let end = isCut ? lengthWhenCut : log.count
    let begin = Int(leaseState.position)
    if isCut { world.met(.readFromDeposedLeader) }
    let news = end > begin ? log[begin..<end].compactMap { $0 } : []
    leaseState.position = max(leaseState.position, Int64(end))
    let wasValid = view.isValid
    let before = leaseState.lease.highestEpoch
    leaseState.lease.read(position: leaseState.position, highestEpoch: news.max())
    if leaseState.lease.highestEpoch != before {
      world.say("\(process.name) knows of e\(leaseState.lease.highestEpoch)")
    }
    if view.isValid != wasValid { world.say("\(process.name) has a lease again") }
  }
}
