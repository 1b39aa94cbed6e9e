import PostgresClient
import Protections
import Stock
import StockRecords
import Threads

@testable import ScriptModel
@testable import StockSyncWorker

/// What a recovery under way has besides its flow.
struct RecoveryState {
  var flow: RecoveryFlow
  /// Of the advisory lock.
  let session: Int
  var connection: Connection?
  var identity = ""
  var token = ""
  var totals = Rebuild.Totals()
}

extension WorkerActor {
  /// Looks every now and then whether Redis has to be recovered.
  func watch() {
    world.after(us: process.realUs(forMs: world.between(200, 500)), process) { [unowned self] in
      watch()
    }
    if recovery != nil { return }
    findNeed { [unowned self] need in
      guard let need, recovery == nil else { return }
      world.say("\(process.name) begins a recovery: \(need)")
      world.met(need)
      world.lastSession += 1
      recovery = RecoveryState(
        flow: RecoveryFlow(
          timing: world.recoveryTiming,
          partitions: (0..<Int32(world.setup.partitions)).map { $0 }, now: bootTime),
        session: world.lastSession)
      carryOut(recovery!.flow.next)
    }
  }

  /// Reads Postgres, then Redis, then Postgres again. `.some(nil)`: nothing; nil is not known.
  private func findNeed(_ done: @escaping (RecoveryNeed?) -> Void) {
    world.after(us: world.postgresUs(), process) { [unowned self] in
      let postgres = world.postgresView
      world.connect(process) { [unowned self] connection in
        guard let connection else { return done(nil) }
        var redis: RecoveryNeed.RedisView?
        world.send(connection, process) { [unowned self] in
          redis = world.redisView(connection.server)
          return []
        } _: { [unowned self] replies in
          world.close(connection)
          guard replies != nil, let redis else { return done(nil) }
          world.after(us: world.postgresUs(), process) { [unowned self] in
            done(RecoveryNeed.find(postgres, redis, epochAfter: world.tables.epoch))
          }
        }
      }
    }
  }

  private func hear(_ event: RecoveryFlow.Event) {
    guard recovery != nil else { return }
    if case .failed(let reason) = event {
      world.say("\(process.name) recovery: \(recovery!.flow.step) failed: \(reason)")
    }
    carryOut(recovery!.flow.handle(event, now: bootTime))
  }

  /// After Postgres' time, if the lock's session is still good.
  private func onSession(_ body: @escaping () -> Void) {
    let session = recovery!.session
    world.after(us: world.postgresUs(), process) { [unowned self] in
      guard recovery?.session == session else { return }
      if world.lockOwner != session || world.fault(world.setup.unknownCommit / 2) {
        world.met(.lockLost)
        if world.lockOwner == session { world.lockOwner = nil }
        return hear(.lockLost("the session is gone"))
      }
      body()
    }
  }

  private func carryOut(_ action: RecoveryFlow.Action) {
    let step = recovery!.flow.step
    world.met(step)
    world.troubleStep(of: self)
    switch action {
    case .takeLock: takeLock()
    case .advanceEpoch: advanceEpoch()
    case .writeControl(let epoch):
      world.produceControl(epoch, by: process, isCut: false) { [unowned self] report in
        if case .acknowledged = report {
          hear(.controlAcknowledged)
        } else {
          hear(.failed("control"))
        }
      }
    case .publishOutbox: publishOutbox()
    case .wait(let until), .pause(let until):
      let leftNs = until.nanoseconds - bootTime.nanoseconds
      let isPause = if case .pause = action { true } else { false }
      world.after(us: process.realUs(forMs: max(0, leftNs / 1_000_000 + 1)), process) {
        [unowned self] in hear(isPause ? .paused : .waited)
      }
    case .writeBarriers(let epoch, let partitions): writeBarriers(epoch, partitions)
    case .awaitBarriers(let epoch, let partitions): awaitBarriers(epoch, partitions)
    case .connect: connect()
    case .stage(let activity, _): stage(activity)
    case .swap(let activity, let epoch): swap(activity, epoch)
    case .openFence(let epoch, let activities): openFence(epoch, activities)
    case .end(let ending):
      world.say("\(process.name) recovery ends: \(ending)")
      world.metEnding(ending)
      if world.lockOwner == recovery!.session { world.lockOwner = nil }
      recovery?.connection.map(world.close)
      recovery = nil
    }
  }

  private func takeLock() {
    world.after(us: world.postgresUs(), process) { [unowned self] in
      if world.lockOwner != nil { return hear(.lockIsTaken) }
      world.lockOwner = recovery!.session
      findNeed { [unowned self] need in hear(.locked(isNeeded: need != nil)) }
    }
  }

  private func advanceEpoch() {
    // The control topic was read to its end, and Redis as far as it answers.
    let highest = max(
      world.kafka.control.compactMap { $0 }.max() ?? 0,
      world.redis.servers[world.redis.primary].data.stocks.map { $0?.epoch ?? 0 }.max() ?? 0,
      world.redis.servers[world.redis.primary].data.epoch ?? 0)
    onSession { [unowned self] in
      world.tables.epoch = max(world.tables.epoch, highest) + 1
      world.say("\(process.name) recovery: epoch \(world.tables.epoch)")
      if world.fault(world.setup.unknownCommit) { return hear(.lockLost("commit unknown")) }
      hear(.epochAdvanced(world.tables.epoch))
    }
  }

  private func publishOutbox() {
    world.connect(process) { [unowned self] connection in
      guard let connection else { return hear(.failed("Redis is away")) }
      var found: [OutboxRecord] = []
      world.send(connection, process) { [unowned self] in
        found = world.outbox(of: connection.server)
        return []
      } _: { [unowned self] replies in
        world.close(connection)
        if replies == nil { return hear(.failed("Redis is away")) }
        let events = found.flatMap(\.events)
        if events.isEmpty { return hear(.outboxPublished) }
        world.met(.outboxPublished)
        gather(events.count, then: .outboxPublished) { [unowned self] place, report in
          world.produce(
            .event(events[place]), to: world.partition(of: events[place]), by: process, report)
        }
      }
    }
  }

  private func writeBarriers(_ epoch: Int64, _ partitions: [Int32]) {
    let barrier = Barrier(epoch: epoch, timeMs: 0)
    gather(partitions.count, then: .barriersAcknowledged) { [unowned self] place, report in
      world.produce(.barrier(barrier), to: Int(partitions[place]), by: process, report)
    }
  }

  /// Sends that many and waits for all of their reports.
  private func gather(
    _ count: Int, then event: RecoveryFlow.Event,
    _ send: (Int, @escaping (Report) -> Void) -> Void
  ) {
    let session = recovery!.session
    var left = count
    var isWhole = true
    for place in 0..<count {
      send(place) { [unowned self] report in
        left -= 1
        if case .failed = report { isWhole = false }
        if left > 0 || recovery?.session != session { return }
        hear(isWhole ? event : .failed("not acknowledged"))
      }
    }
  }

  private func awaitBarriers(_ epoch: Int64, _ partitions: [Int32]) {
    onSession { [unowned self] in
      if partitions.allSatisfy({ world.tables.offsets[Int($0)].barrier >= epoch }) {
        return hear(.barriersApplied)
      }
      if bootTime >= recovery!.flow.stepDeadline { return hear(.failed("not applied in time")) }
      let session = recovery!.session
      world.after(ms: 50, process) { [unowned self] in
        if recovery?.session == session { awaitBarriers(epoch, partitions) }
      }
    }
  }

  private func connect() {
    recovery!.connection.map(world.close)
    recovery!.connection = nil
    world.connect(process) { [unowned self] connection in
      guard let connection else { return hear(.failed("Redis is away")) }
      recovery!.connection = connection
      onServer { server in
        server.data.identity
      } then: { [unowned self] identity in
        recovery!.identity = identity
        world.after(us: world.postgresUs(), process) { [unowned self] in
          let open = world.tables.activities.indices.filter {
            world.tables.activities[$0].state == "open"
          }
          hear(.connected(open.map { ActivityID(Int64($0 + 1))! }))
        }
      }
    }
  }

  /// Something on the recovery's connection; it fails as a whole when the connection does.
  private func onServer<Value>(
    _ body: @escaping (inout RedisServer) -> Value, then: @escaping (Value) -> Void
  ) {
    let connection = recovery!.connection!
    let session = recovery!.session
    var value: Value?
    world.send(connection, process) { [unowned self] in
      world.keepCopy(connection.server)
      value = body(&world.redis.servers[connection.server])
      if let text = world.olderSwap { world.broken(.olderSwap, text) }
      return []
    } _: { [unowned self] replies in
      guard recovery?.session == session else { return }
      guard replies != nil, let value else { return hear(.failed("the connection is lost")) }
      then(value)
    }
  }

  private func stage(_ activity: ActivityID) {
    world.lastToken += 1
    let token = Protection.rebuildToken.isOn ? "t\(world.lastToken)" : "t"
    recovery!.token = token
    world.after(us: world.postgresUs(), process) { [unowned self] in
      let staged = StagedModel(activity: Int(activity.value), token: token)
      let (chunks, totals) = world.rebuild(activity)
      // What a dead recovery left goes first; then the chunks, one by one.
      onServer { server in
        server.data.staged.removeAll { $0.activity == staged.activity }
        server.data.staged.append(staged)
      } then: { [unowned self] in
        recovery!.totals = totals
        stageChunk(chunks[...], activity: staged.activity)
      }
    }
  }

  private func stageChunk(_ chunks: ArraySlice<StagedModel>, activity: Int) {
    guard let chunk = chunks.first else { return hear(.staged) }
    let token = recovery!.token
    onServer { server in
      // HSET makes what is missing.
      var place = server.data.staged.firstIndex { $0.activity == activity && $0.token == token }
      if place == nil {
        server.data.staged.append(StagedModel(activity: activity, token: token))
        server.data.staged[server.data.staged.count - 1].hasMeta = false
        place = server.data.staged.count - 1
      }
      server.data.staged[place!].locks.merge(chunk.locks) { $1 }
      server.data.staged[place!].users.merge(chunk.users) { $1 }
      server.data.staged[place!].free += chunk.free
    } then: { [unowned self] in
      stageChunk(chunks.dropFirst(), activity: activity)
    }
  }

  private func swap(_ activity: ActivityID, _ epoch: Int64) {
    let state = recovery!
    let place = Int(activity.value) - 1
    let terms = StockTerms(
      total: world.tables.activities[place].total, limit: world.tables.activities[place].limit)
    let call = ServerModel.SwapCall(
      activity: place + 1, token: state.token, epoch: epoch, identity: state.identity,
      locks: Int(state.totals.locks), users: Int(state.totals.users),
      free: Int(state.totals.free), terms: terms, seq: state.totals.seq, used: state.totals.used,
      compares: Protection.swapComparesEpoch.isOn, clears: Protection.outboxClearedAtSwap.isOn)
    let server = state.connection!.server
    onServer { [unowned self] server in
      let before = server.data.stocks[place]?.epoch ?? 0
      let answer = server.data.swap(call)
      if answer.word == "swapped", before > epoch {
        world.olderSwap = "e\(epoch) in the place of e\(before)"
      }
      return answer
    } then: { [unowned self] answer in
      world.say(
        "\(process.name) swap of \(activity) at e\(epoch) on R\(server + 1): \(answer.word)")
      world.met(answer)
      hear(answer.word == "swapped" ? .swapped : .refused(answer.word))
    }
  }

  private func openFence(_ epoch: Int64, _ activities: [ActivityID]) {
    let state = recovery!
    onServer { server in
      server.data.openFence(
        epoch: epoch, identity: state.identity, compares: Protection.swapComparesEpoch.isOn,
        activities: activities.map { Int($0.value) })
    } then: { [unowned self] answer in
      hear(answer.word == "opened" ? .fenceOpened : .refused("fence \(answer.word)"))
    }
  }
}
