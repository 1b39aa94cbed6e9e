import StockRecords

@testable import ScriptModel
@testable import StockSyncWorker

/// The ways in which Redis is lost.
enum Loss: Int, CaseIterable {
  case flush, olderFile, emptyStart, plainRestart, failover, roundTrip, stall
  /// One key of an activity, or a field.
  case part

  /// Of these any one may come at any time.
  static let drawn = allCases.filter { $0 != .part }
}

extension World {
  /// Plans the faults of the run. Most losses come near each other: in a recovery is where another one hurts.
  func planFaults() {
    var centre = between(1_500, max(2_000, setup.faultsMs - 2_000))
    func moment() -> Int64 {
      chance(600)
        ? centre + between(-500, 2 * setup.leaseMs + 1_500) : between(500, setup.faultsMs)
    }
    if setup.keepsOld { centre = between(1_500, 4_000) }
    for place in 0..<setup.losses {
      var at = place == 0 ? centre : moment()
      if setup.keepsOld && place > 0 {
        at = centre + Int64(recoveryTiming.leaseMs + recoveryTiming.marginMs) + between(500, 3_500)
      }
      if chance(300) { centre = at }
      let isFailover = setup.stopAtLoss || setup.keepsOld && place > 0
      var loss =
        isFailover && chance(700) ? Loss.failover : Loss.drawn[pick(Loss.drawn.count)]
      if setup.mood == .survivors { loss = .plainRestart }
      if setup.mood == .even && chance(300) { loss = .part }
      lossesUs.append((openedAtMs + at) * 1_000)
      plan(at) { $0.lose(loss) }
      if setup.stopAtLoss {
        let (number, lengthMs) = (pick(8), between(1_000, 9_000))
        plan(at + between(-800, 400)) { $0.cut(number, lengthMs) }
      }
    }
    for _ in 0..<setup.crashes {
      let (isDraw, number, backMs) = (chance(500), pick(8), between(50, 2_500))
      plan(moment()) { $0.crash(isDraw, number, backMs) }
    }
    for _ in 0..<setup.stops {
      let (isDraw, number) = (chance(500), pick(8))
      let lengthMs = between(200, 2 * setup.leaseMs + 3_000)
      plan(moment()) { $0.stop(isDraw, number, lengthMs) }
    }
    for _ in 0..<setup.cuts {
      let (number, lengthMs) = (pick(8), between(500, 3 * setup.leaseMs + 2_000))
      plan(moment()) { $0.cut(number, lengthMs) }
    }
    for _ in 0..<setup.outages {
      let lengthMs = between(200, 2 * setup.leaseMs)
      plan(moment()) { world in
        world.met(.kafkaAway)
        world.say("FAULT: Kafka takes nothing for \(lengthMs) ms")
        world.kafka.isAwayUntilUs = world.nowUs + lengthMs * 1_000
      }
    }
    for _ in 0..<pick(3) { plan(between(500, setup.faultsMs)) { $0.rebalance() } }
    for _ in 0..<pick(2) {
      plan(moment()) { world in
        if world.lockOwner == nil { return }
        world.say("FAULT: the advisory lock's session ends")
        world.lockOwner = nil
      }
    }
  }

  private func plan(_ atMs: Int64, _ fault: @escaping (World) -> Void) {
    if atMs >= setup.faultsMs { return }
    after(ms: openedAtMs + atMs - nowMs) { [unowned self] in fault(self) }
  }

  func lose(_ loss: Loss) {
    metLoss(loss)
    let number = redis.primary
    let copy =
      redis.servers[number].copies.isEmpty
      ? redis.servers[number].data
      : redis.servers[number].copies[pick(redis.servers[number].copies.count)]
    say("FAULT: R\(number + 1) \(loss)")
    switch loss {
    case .flush: redis.servers[number].data.flush()
    case .olderFile: restart(with: copy)
    case .emptyStart:
      restart(with: ServerModel(identity: "", activities: setup.activities))
    case .plainRestart:
      if setup.losses == 1, setup.stepTrouble == 0 {
        survivors = outbox(of: number).flatMap(\.events)
      }
      restart(with: redis.servers[number].data)
    case .failover:
      redis.addServer(copy, clockMs: between(-100, 100))
      let oldEnds =
        setup.stopAtLoss || setup.keepsOld ? between(3_000, 14_000) : between(200, 8_000)
      after(ms: oldEnds) { [unowned self] in takeDown(number) }
    case .roundTrip:
      // Demoted, given another's older data, and promoted again: its clients noticed nothing.
      redis.servers[number].data = copy
      redis.servers[number].data.identity = redis.newIdentity()
      redis.servers[number].copies = []
    case .part: losePart(of: number)
    case .stall:
      redis.servers[number].isStalledUntilUs = nowUs + between(500, 5_000) * 1_000
    }
  }

  private func losePart(of number: Int) {
    let place = pick(setup.activities)
    guard redis.servers[number].data.stocks[place] != nil else { return }
    switch pick(3) {
    case 0, 1:
      if redis.servers[number].data.stocks[place]!.outbox.isEmpty {
        redis.servers[number].data.stocks[place]!.locks = [:]
      } else {
        redis.servers[number].data.stocks[place]!.outbox = []
      }
    default: redis.servers[number].data.stocks[place]!.missingField = "seq"
    }
  }

  private func restart(with data: ServerModel) {
    let number = redis.primary
    takeDown(number)
    redis.addServer(data, clockMs: redis.servers[number].clockMs)
    let primary = redis.primary
    redis.servers[primary].isStalledUntilUs = nowUs + between(10, 800) * 1_000
  }

  func takeDown(_ number: Int) {
    redis.servers[number].isUp = false
    for connection in redis.servers[number].connections { close(connection) }
    redis.servers[number].connections = []
  }

  private func crash(_ isDraw: Bool, _ number: Int, _ backMs: Int64) {
    if isDraw {
      let draw = draws[number % draws.count]
      if !draw.process.isAlive { return }
      say("FAULT: \(draw.process.name) crashes")
      met(.drawCrashed)
      draw.crash()
      after(ms: backMs) { draw.start() }
    } else {
      let worker = workers[number % workers.count]
      if !worker.process.isAlive { return }
      say(
        "FAULT: \(worker.process.name) crashes \(worker.recovery.map { "in \($0.flow.step)" } ?? "")"
      )
      if let step = worker.recovery?.flow.step { metCrash(step) }
      worker.crash()
      after(ms: between(50, 1_000)) { [unowned self] in rebalance() }
      after(ms: backMs) { [unowned self] in
        worker.start()
        after(ms: between(50, 1_000)) { [unowned self] in rebalance() }
      }
    }
  }

  private func stop(_ isDraw: Bool, _ number: Int, _ lengthMs: Int64) {
    let process =
      isDraw ? draws[number % draws.count].process : workers[number % workers.count].process
    if !process.isAlive { return }
    say("FAULT: \(process.name) stands still for \(lengthMs) ms")
    process.stop(until: nowUs + lengthMs * 1_000)
    if isDraw { return met(.drawStopped) }
    after(ms: lengthMs + between(50, 1_000)) { [unowned self] in rebalance() }
    let worker = workers[number % workers.count]
    guard let recovery = worker.recovery else {
      after(ms: between(300, 1_500)) { [unowned self] in rebalance() }
      return
    }
    metStop(recovery.flow.step)
    // Its session idles, so that it loses the lock; its partitions go to others.
    after(ms: between(300, 2_000)) { [unowned self] in
      if process.stoppedUntil > nowUs, lockOwner == recovery.session { lockOwner = nil }
      rebalance()
    }
  }

  /// At a recovery's step something may happen, at once or in a moment.
  func troubleStep(of worker: WorkerActor) {
    if !fault(setup.stepTrouble) { return }
    let what = worker.recovery?.flow.step == .rebuild && chance(400) ? 6 : pick(6)
    let isLast = worker.recovery?.flow.step == .fence
    after(us: isLast ? between(0, 500) : between(0, 12_000)) { [unowned self] in
      if isQuiet { return }
      switch what {
      case 6: lose(.flush)
      case 0, 1:
        lossesUs.append(nowUs)
        lose(Loss.drawn[pick(Loss.drawn.count)])
      case 2: crash(false, worker.number, between(20, 600))
      case 3: stop(false, worker.number, between(100, 2 * setup.leaseMs + 3_000))
      case 4:
        say("FAULT: the advisory lock's session ends")
        lockOwner = nil
      default:
        say("FAULT: the recovery's connection breaks")
        worker.recovery?.connection.map(close)
      }
    }
  }

  func cut(_ number: Int, _ lengthMs: Int64) {
    let draw = draws[number % draws.count]
    say(
      "FAULT: \(draw.process.name) is cut off with the control topic's old leader for \(lengthMs) ms"
    )
    draw.lengthWhenCut = kafka.control.count
    draw.isCutUntilUs = nowUs + lengthMs * 1_000
    met(.cut)
  }

  /// Partitions to the workers that are there; who stands still keeps believing in its own.
  func rebalance() {
    let there = workers.filter { $0.process.isAlive && $0.process.stoppedUntil <= nowUs }
    if there.isEmpty { return }
    let first = pick(there.count)
    generation += 1
    let own = generation
    for worker in workers {
      var mine: [Int32] = []
      if let place = there.firstIndex(where: { $0 === worker }) {
        mine = (0..<Int32(setup.partitions)).filter { (Int($0) + first) % there.count == place }
      }
      // Whoever stands still hears of it when it goes on, if it is still so then.
      after(us: between(100, 20_000), worker.process) { [unowned self] in
        if own == generation { worker.assign(mine) }
      }
    }
  }
}
