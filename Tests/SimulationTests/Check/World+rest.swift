import Stock

@testable import DrawService
@testable import ScriptModel
@testable import StockSyncWorker

extension World {
  /// What is still under way; nil: everything is at rest.
  var unrest: String? {
    let server = redis.servers[redis.primary]
    if !server.isUp || server.isStalledUntilUs > nowUs { return "Redis is away" }
    if server.data.fence != server.data.identity { return "Redis is fenced" }
    if server.data.epoch != tables.epoch { return "Redis is of another epoch than Postgres" }
    for (place, activity) in tables.activities.enumerated() where activity.state == "open" {
      guard let stock = server.data.stocks[place] else { return "activity \(place + 1) is missing" }
      if stock.epoch != tables.epoch || stock.fence != server.data.identity {
        return "activity \(place + 1) is fenced"
      }
      if stock.lockCount != stock.locks.count || stock.missingField != nil {
        return "a part of activity \(place + 1) is lost"
      }
      if !stock.outbox.isEmpty { return "the outbox of activity \(place + 1) is not empty" }
    }
    for (place, log) in kafka.partitions.enumerated()
    where tables.offsets[place].next != log.count {
      return "partition \(place) is not applied to its end"
    }
    for process in draws.map(\.process) + workers.map(\.process)
    where !process.isAlive || process.stoppedUntil > nowUs {
      return "\(process.name) is not there"
    }
    for worker in workers where worker.recovery != nil { return "\(worker.process.name) recovers" }
    for draw in draws {
      if !draw.view.isValid { return "\(draw.process.name) has no lease" }
      if draw.view.highestEpoch > tables.epoch {
        return "\(draw.process.name) knows a higher epoch"
      }
      if draw.isBusy { return "\(draw.process.name) has requests" }
    }
    return nil
  }

  /// What differs at rest.
  func checkRest() {
    for place in tables.activities.indices {
      let activity = tables.activities[place]
      guard let stock = redis.servers[redis.primary].data.stocks[place] else { continue }
      let held = tables.claims[place].count { $0.map { !$0.isReleased } ?? false }
      if activity.surplus != activity.total - Int64(held) {
        broken(.wrongSurplus, "surplus \(activity.surplus), \(held) of \(activity.total) held")
      }
      for slot in 1...activity.total { compare(slot, place, stock) }
      if stock.lockCount != stock.locks.count { broken(.notAlike, "the count of locks") }
    }
    for ask in checker.asks { check(ask) }
    for event in survivors {
      let lost = tables.letters.values.contains {
        $0.reason == .voidEpoch && $0.event?.identity == event.identity
      }
      if lost { broken(.needlessVoid, text(event)) }
    }
  }

  /// Slots of a dead letter that nobody has decided on.
  func isBuried(_ slot: Int64, _ activity: Int) -> Bool {
    tables.letters.values.contains {
      $0.reason == .refused && $0.event?.slot == slot
        && $0.event?.activity.value == Int64(activity + 1)
    }
  }

  private func compare(_ slot: Int64, _ activity: Int, _ stock: ScriptModel) {
    if isBuried(slot, activity) { return }
    let lock = stock.locks[slot]
    let claim = tables.claims[activity][Int(slot)].flatMap { $0.isReleased ? nil : $0 }
    if lock?.request != claim?.request || lock?.seq != claim?.seq {
      broken(
        .notAlike,
        "slot \(slot): Redis \(lock?.request ?? "-") \(lock?.seq ?? 0), Postgres \(claim?.request ?? "-") \(claim?.seq ?? 0)"
      )
    }
    if let lock, lock.isReleasing { broken(.notAtRest, "slot \(slot) is being released for ever") }
  }

  private func check(_ ask: Ask) {
    let holds = tables.claims[ask.activity].firstIndex {
      $0.map { $0.request == ask.request && !$0.isReleased } ?? false
    }
    if let slot = ask.slot, !ask.isReleaseAsked, holds != Int(slot), !isBuried(slot, ask.activity) {
      broken(.takenBack, "\(ask.request) was told slot \(slot), and has \(holds ?? 0)")
    }
    if ask.releaseToldAtUs != nil, let holds {
      broken(.toldReleased, "\(ask.request) still holds slot \(holds)")
    }
    if ask.isNo, let holds { broken(.toldNo, "\(ask.request) holds slot \(holds)") }
  }
}
