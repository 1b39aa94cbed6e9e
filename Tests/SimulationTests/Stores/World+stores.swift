import RedisClient
import Stock
import StockRecords

@testable import DrawService
@testable import ScriptModel
@testable import StockSyncWorker

extension World {
  /// A clock's error, in millionths: within what the wait allows for.
  func drift() -> Int64 {
    let most = setup.driftMs * 1_000_000 / (2 * (setup.leaseMs + 1_000))
    return between(-most, most)
  }

  var recoveryTiming: RecoveryFlow.Timing {
    RecoveryFlow.Timing(
      leaseMs: Int(setup.leaseMs), marginMs: Int(setup.driftMs + setup.marginMs),
      extraWaitMs: Int(setup.extraWaitMs), stepLimitMs: Int(setup.stepLimitMs))
  }

  /// `epoch` nil: a heartbeat.
  func produceControl(
    _ epoch: Int64?, by process: Process, isCut: Bool, _ report: @escaping (Report) -> Void
  ) {
    produce(
      by: process, timeoutMs: epoch == nil ? setup.leaseMs : 4_000, isCut: isCut,
      isNews: epoch != nil,
      trouble: epoch == nil ? nil : max(setup.controlTrouble, setup.produceTrouble), report
    ) { [unowned self] in
      kafka.control.append(epoch)
      if let epoch {
        say("control: e\(epoch)")
        for draw in draws {
          after(us: between(500, 30_000), draw.process) { draw.readControl() }
        }
      }
      return Int64(kafka.control.count - 1)
    }
  }

  /// What is in a server's outboxes, by activity.
  func outboxes(of server: Int) -> [[RelayPage.Entry]] {
    redis.servers[server].data.stocks.enumerated().map { place, stock in
      (stock?.outbox ?? []).map { entry in
        RelayPage.Entry(
          id: "\(entry.lastSeq)-0",
          content: Result { () throws(OutboxRecord.Unreadable) in
            try OutboxRecord(reply(entry), of: ActivityID(Int64(place + 1))!)
          })
      }
    }
  }

  /// The same for a recovery, which takes what is readable.
  func outbox(of server: Int) -> [OutboxRecord] {
    outboxes(of: server).flatMap { $0.compactMap { try? $0.content.get() } }
  }

  /// An entry as XRANGE gives it.
  private func reply(_ entry: ScriptModel.Entry) -> RedisReply {
    func text(_ value: String) -> RedisReply { .string(Array(value.utf8)) }
    let lines = entry.events.map { "\($0.slot) \($0.user) \($0.request)" }
    return .array([
      text("\(entry.lastSeq)-0"),
      .array([
        text("f"), text(String(entry.firstSeq)), text("k"), text(entry.isRelease ? "r" : "c"),
        text("e"), text(String(entry.epoch)), text("t"), text(String(entry.timeMs)), text("d"),
        text(lines.joined(separator: "\n")),
      ]),
    ])
  }

  var openActivities: [ActivityID] {
    tables.activities.indices.filter { tables.activities[$0].state == "open" }
      .map { ActivityID(Int64($0 + 1))! }
  }

  var postgresView: RecoveryNeed.PostgresView {
    let open = openActivities
    return RecoveryNeed.PostgresView(
      epoch: tables.epoch, isFenceGiven: tables.isFenceGiven, activities: open)
  }

  func redisView(_ server: Int) -> RecoveryNeed.RedisView {
    let data = redis.servers[server].data
    var view = RecoveryNeed.RedisView(
      identity: ServerIdentity(text: data.identity), fence: nil, activities: [:])
    if let epoch = data.epoch, let fence = data.fence {
      view.fence = .init(epoch: epoch, fence: ServerIdentity(text: fence))
    }
    for (place, stock) in data.stocks.enumerated() {
      guard let stock else { continue }
      if stock.missingField != nil {
        view.activities[ActivityID(Int64(place + 1))!] = .incomplete
        continue
      }
      view.activities[ActivityID(Int64(place + 1))!] = .whole(
        .init(
          isPreparing: stock.state == "preparing", epoch: stock.epoch,
          fence: ServerIdentity(text: stock.fence),
          locks: .init(stored: Int64(stock.lockCount), counted: Int64(stock.locks.count)),
          outbox: .init(stored: Int64(stock.outboxCount), counted: Int64(stock.outbox.count))))
    }
    return view
  }

  /// What a rebuild makes of the tables as they are now, in chunks.
  func rebuild(_ activity: ActivityID) -> ([StagedModel], Rebuild.Totals) {
    let place = Int(activity.value) - 1
    var rows: [RebuildRow] = []
    for (slot, claim) in tables.claims[place].enumerated() {
      guard let claim else { continue }
      rows.append(
        RebuildRow(
          kind: claim.isReleased ? .released : .claimed, user: claim.user, request: claim.request,
          slot: Int64(slot), seq: claim.seq, epoch: claim.epoch))
    }
    for (request, release) in tables.released[place] {
      rows.append(
        RebuildRow(
          kind: .releasedRequest, user: request.user, request: request.request, slot: release.slot,
          seq: release.seq, epoch: release.epoch))
    }
    rows.sort { ($0.user, $0.request, $0.seq) < ($1.user, $1.request, $1.seq) }
    var rebuild = Rebuild(
      total: tables.activities[place].total, letters: letters(of: activity))
    var chunks: [StagedModel] = []
    var locks: [Int64: ScriptModel.Lock] = [:]
    for start in stride(from: 0, to: rows.count, by: 3) {
      let chunk = rebuild.add(Array(rows[start..<min(start + 3, rows.count)]))
      chunks.append(staged(chunk, activity, &locks))
    }
    chunks.append(staged(rebuild.finish(), activity, &locks))
    return (chunks, rebuild.totals)
  }

  private func letters(of activity: ActivityID) -> [RebuildLetter] {
    tables.letters.sorted { ($0.key.partition, $0.key.offset) < ($1.key.partition, $1.key.offset) }
      .compactMap { _, letter in
        RebuildLetter(
          of: activity, key: nil, payload: letter.event?.encoded(),
          isUnresolved: letter.reason != .voidEpoch)
      }
  }

  /// `locks`: those of the chunks so far.
  private func staged(
    _ chunk: Rebuild.Chunk, _ activity: ActivityID, _ locks: inout [Int64: ScriptModel.Lock]
  ) -> StagedModel {
    var staged = StagedModel(activity: Int(activity.value), token: "")
    for (slot, lock) in chunk.locks {
      staged.locks[slot] = ScriptModel.Lock(
        user: lock.user, request: lock.request, seq: lock.seq, epoch: lock.epoch)
    }
    locks.merge(staged.locks) { _, new in new }
    for (user, claims) in chunk.users {
      staged.users[user] = claims.map { claim in
        switch claim {
        case .held(let slot):
          let lock = locks[slot]!
          return ScriptModel.Claim(request: lock.request, slot: slot, seq: lock.seq)
        case .spelledOut(let request, let slot, let seq, let isReleased):
          return ScriptModel.Claim(
            request: request, slot: slot, seq: seq, isReleased: isReleased)
        }
      }
    }
    staged.free = chunk.free.map(String.init)
    return staged
  }
}
