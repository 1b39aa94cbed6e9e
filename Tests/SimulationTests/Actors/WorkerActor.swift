import PostgresClient
import Stock
import Threads

@testable import StockSyncWorker

/// A StockSyncWorker: consumes its partitions, and recovers Redis when it has to be.
final class WorkerActor {
  enum Task {
    case apply(Batch)
    case read(token: Int, [Int32])
  }

  unowned let world: World
  let process: Process
  let number: Int
  private var flow: ConsumerFlow
  private var fetch: [Int32: Int64] = [:]
  private var tasks: [Task] = []
  private var isApplying = false
  /// Batches are dropped until the positions are asked for.
  private var hasFailed = false
  private var isTurnPlanned = false
  var recovery: RecoveryState?

  init(_ world: World, number: Int) {
    self.world = world
    self.number = number
    process = Process(
      "W\(number + 1)", clockStartMs: world.between(1_000, 100_000_000), driftPpm: world.drift())
    flow = ConsumerFlow(WorkerActor.limits)
  }

  private static let limits = ConsumerFlow.Limits(batch: 10, flushMs: 10, busyMs: 500)
  var monotonic: MonotonicTime { process.monotonic(world.nowUs) }
  var bootTime: BootTime { process.bootTime(world.nowUs) }

  func start() {
    process.start()
    flow = ConsumerFlow(Self.limits, jitterSeed: world.random.next())
    fetch = [:]
    tasks = []
    isApplying = false
    hasFailed = false
    isTurnPlanned = false
    recovery = nil
    world.after(ms: 100, process) { [unowned self] in idle() }
    world.after(ms: world.between(50, 400), process) { [unowned self] in watch() }
  }

  func crash() {
    recovery?.connection.map(world.close)
    if world.lockOwner == recovery?.session { world.lockOwner = nil }
    recovery = nil
    process.crash()
  }

  // MARK: Consuming

  /// The group says which partitions are this worker's.
  func assign(_ partitions: [Int32]) {
    fetch = [:]
    perform(flow.unassigned())
    if !partitions.isEmpty { perform(flow.assigned(partitions, now: monotonic)) }
    wake()
  }

  /// Something may have come.
  func wake() {
    if isTurnPlanned { return }
    isTurnPlanned = true
    world.after(us: world.between(200, 12_000), process) { [unowned self] in
      isTurnPlanned = false
      turn()
    }
  }

  private func idle() {
    world.after(ms: 150, process) { [unowned self] in idle() }
    wake()
  }

  private func turn() {
    for partition in Int32(0)..<Int32(world.setup.partitions) {
      guard let position = fetch[partition] else { continue }
      let log = world.kafka.partitions[Int(partition)]
      var offset = position
      while offset < log.count, !flow.isFull, flow.room > 0 {
        flow.take(world.message(log[Int(offset)], partition, offset), now: monotonic)
        offset += 1
      }
      fetch[partition] = offset
    }
    perform(flow.tick(now: monotonic))
    if flow.hasWork { wake() }
  }

  private func perform(_ actions: [ConsumerFlow.Action]) {
    for action in actions {
      switch action {
      case .park: fetch = [:]
      case .assign(let positions): fetch = positions
      case .ask(let token, let partitions): tasks.append(.read(token: token, partitions))
      case .handOver(let batch): tasks.append(.apply(batch))
      case .commit: break
      }
    }
    work()
  }

  private func work() {
    if isApplying || tasks.isEmpty { return }
    isApplying = true
    world.after(us: world.postgresUs(), process) { [unowned self] in
      isApplying = false
      switch tasks.removeFirst() {
      case .read(let token, let partitions):
        hasFailed = false
        var next: [Int32: Int64] = [:]
        for partition in partitions { next[partition] = world.tables.offsets[Int(partition)].next }
        perform(flow.answered(token: token, next))
      case .apply(let batch): if !hasFailed { apply(batch) }
      }
      wake()
      work()
    }
  }

  private func apply(_ batch: Batch) {
    let outcome = BatchApplier.apply(batch) { part throws(PostgresError) in
      try world.transact(part, by: process)
    }
    if case .applied = outcome {} else { hasFailed = true }
    switch outcome {
    case .applied: perform(flow.applied())
    case .positionLost:
      world.met(.positionLost)
      perform(flow.positionLost(now: monotonic))
    case .unavailable: perform(flow.unavailable(now: monotonic))
    case .corrupt(let error): world.broken(.wrongSurplus, error.description)
    }
  }
}

extension World {
  /// How long Postgres takes.
  func postgresUs() -> Int64 {
    fault(setup.postgresTrouble) ? between(100_000, 1_500_000) : between(200, 5_000)
  }

  func message(_ record: TopicRecord, _ partition: Int32, _ offset: Int64) -> StreamMessage {
    switch record {
    case .barrier(let barrier):
      StreamMessage(
        partition: partition, offset: offset, key: nil, payload: nil, content: .barrier(barrier))
    case .event(let event):
      StreamMessage(
        partition: partition, offset: offset, key: nil,
        payload: refused.isEmpty ? nil : event.encoded(), content: .event(event))
    }
  }

  /// One transaction: it may fail before or after its commit.
  func transact(_ part: Batch, by process: Process) throws(PostgresError)
    -> BatchTransaction.Outcome
  {
    if fault(setup.unknownCommit) {
      met(.transactionFailed)
      throw PostgresError(kind: .retry, message: "away", connectionLost: true)
    }
    for case .event(let event) in part.messages.map(\.content)
    where refused.contains(event.identity) {
      throw PostgresError(kind: .data, sqlState: "22021", message: "refused")
    }
    let letters = tables.letters.count
    let outcome = try tables.run(part)
    if case .committed(let applied) = outcome {
      say(
        "\(process.name): applied \(part.start.sorted { $0.key < $1.key }.map { "p\($0.key)@\($0.value)" }) \(part.messages.count) messages"
      )
      if tables.letters.count > letters { look(at: applied.deadLetters) }
    }
    if fault(setup.unknownCommit) {
      met(.commitUnknown)
      throw PostgresError(
        kind: .retry, message: "away", outcomeUnknown: true, connectionLost: true)
    }
    return outcome
  }

  private func look(at letters: [DeadLetter]) {
    for letter in letters {
      say("dead letter \(letter.reason.rawValue) \(letter.detail)")
      switch letter.reason {
      case .voidEpoch: met(.voidEvent)
      case .refused: met(.refusedEvent)
      case .slotSeqConflict: broken(.twoHolders, letter.detail)
      case .requestHasOtherSlot: broken(.twoSlots, letter.detail)
      case .requestWasReleased: broken(.twoSlots, "released and claimed again: \(letter.detail)")
      case .malformed, .unknownActivity, .slotOutOfRange: broken(.notAlike, letter.detail)
      }
    }
  }
}
