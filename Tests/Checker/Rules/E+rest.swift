/// At rest: free + held = total, nothing on its way, Redis = Postgres.
func checkRest(_ facts: Facts, _ findings: inout Findings) {
  checkLag(facts, &findings)
  for activity in facts.round.activities {
    let redis = facts.evidence.redis[activity.id]!
    checkCounts(redis, activity, facts, &findings)
    checkEpochs(redis, activity, facts, &findings)
    checkRecords(redis, activity, facts, &findings)
    checkDifferences(redis, activity, facts, &findings)
    if activity.untilHeld { checkAllHeld(redis, activity, facts, &findings) }
  }
  let report = facts.evidence.report
  if report.unfinished == nil, let confirmed = report.confirmed {
    findings.expect(
      confirmed >= report.held, .notConfirmed, "\(confirmed) of \(report.held) were")
  }
}

private func checkLag(_ facts: Facts, _ findings: inout Findings) {
  for (partition, end) in facts.evidence.history.ends.sorted(by: { $0.key < $1.key }) {
    let next = facts.evidence.postgres.positions[partition]?.next ?? 0
    findings.expect(next >= end, .lag, "partition \(partition) is at \(next) of \(end)")
  }
}

private func checkCounts(
  _ redis: RedisState, _ activity: Round.Activity, _ facts: Facts, _ findings: inout Findings
) {
  func expect(_ isTrue: Bool, _ rule: Rule, _ text: @autoclosure () -> String) {
    findings.expect(isTrue, rule, "\(activity.id): \(text())")
  }
  for oddity in redis.oddities { expect(false, .unreadableInRedis, oddity) }
  func field(_ name: String) -> String { redis.fields[name] ?? "nothing" }
  expect(redis.isListed, .notListed, "stock:activities lacks it")
  expect(field("total") == "\(activity.stock)", .stockInRedis, field("total"))
  expect(field("limit") == "\(activity.limit)", .limitInRedis, field("limit"))
  expect(field("state") == "open", .stateInRedis, field("state"))
  let state = facts.evidence.postgres.activities[activity.id]?.state ?? "nothing"
  expect(state == "open", .stateInPostgres, state)
  expect(redis.outbox == 0, .outbox, "\(redis.outbox) entries")
  expect(field("outbox") == "\(redis.outbox)", .outboxCount, field("outbox"))
  expect(
    field("locks") == "\(redis.locks.count)", .lockCount,
    "\(field("locks")), and there are \(redis.locks.count)")
  for (slot, lock) in redis.locks.sorted(by: { $0.key < $1.key }) where lock.isReleasing {
    expect(false, .stillReleasing, "slot \(slot) of \(lock.owner)")
  }
  for hint in redis.free {
    let isSlot = Int(hint).map { (1...activity.stock).contains($0) } ?? false
    expect(isSlot, .noSlotAmongFree, hint)
  }
}

private func checkEpochs(
  _ redis: RedisState, _ activity: Round.Activity, _ facts: Facts, _ findings: inout Findings
) {
  let (fence, epoch) = (facts.evidence.fence, "\(facts.evidence.postgres.epoch)")
  for (what, found) in [("fence", fence["epoch"]), ("activity", redis.fields["epoch"])] {
    findings.expect(
      found == epoch, .epochInRedis,
      "\(activity.id): the \(what)'s is \(found ?? "none"), and Postgres' \(epoch)")
  }
  findings.expect(
    fence["fence"] != nil && redis.fields["fence"] == fence["fence"], .fenced,
    "\(activity.id): \(redis.fields["fence"] ?? "none"), and the server's is \(fence["fence"] ?? "none")"
  )
}

/// Users' records say the same as locks.
private func checkRecords(
  _ redis: RedisState, _ activity: Round.Activity, _ facts: Facts, _ findings: inout Findings
) {
  var recorded: [Int: Owner] = [:]
  for entry in redis.entries where !entry.isReleased {
    recorded[entry.slot] = entry.owner
    findings.expect(
      redis.locks[entry.slot]?.owner == entry.owner, .recordWithoutLock,
      "\(entry.owner) is recorded with \(entry.slot), which is \(name(redis.locks[entry.slot]?.owner))"
    )
  }
  let reserved = facts.slotsOfLetters(activity.id)
  for (slot, lock) in redis.locks.sorted(by: { $0.key < $1.key }) where !reserved.contains(slot) {
    findings.expect(
      recorded[slot] == lock.owner, .lockWithoutRecord,
      "\(slot) is \(lock.owner)'s, and recorded with \(name(recorded[slot]))")
  }
}

private func name(_ owner: Owner?) -> String { owner.map { "\($0)'s" } ?? "nobody's" }

private func checkDifferences(
  _ redis: RedisState, _ activity: Round.Activity, _ facts: Facts, _ findings: inout Findings
) {
  var rows: [Int: Holding] = [:]
  for (slot, row) in facts.evidence.postgres.claims
  where slot.activity == activity.id && row.isHeld {
    rows[slot.number] = row
  }
  let reserved = facts.slotsOfLetters(activity.id)
  var waiting = 0
  for slot in Set(rows.keys).union(redis.locks.keys).sorted() {
    let lock = redis.locks[slot].map {
      Holding(isHeld: true, seq: $0.seq, owner: $0.owner, epoch: $0.epoch)
    }
    if rows[slot] == nil, reserved.contains(slot) {
      waiting += 1
      continue
    }
    if redis.locks[slot]?.isReleasing ?? false { continue }  // Said already.
    findings.expect(
      rows[slot] == lock, .storesDiffer,
      "slot \(slot): \(lock.map { "\($0)" } ?? "free"), and \(rows[slot].map { "\($0)" } ?? "free")"
    )
  }
  // What is free in Postgres is free in Redis, but for what a dead letter keeps.
  if let surplus = facts.evidence.postgres.activities[activity.id]?.surplus {
    let held = redis.locks.count - waiting
    findings.expect(
      held + surplus == activity.stock, .freePlusHeld,
      "\(activity.id): \(surplus) + \(held), not \(activity.stock)")
  }
}

private func checkAllHeld(
  _ redis: RedisState, _ activity: Round.Activity, _ facts: Facts, _ findings: inout Findings
) {
  for slot in 1...activity.stock {
    guard let lock = redis.locks[slot] else {
      findings.add(.notHeld, "slot \(slot) of \(activity.id)")
      continue
    }
    if activity.id != facts.drawn.id { continue }
    findings.expect(
      facts.stories.all[lock.owner]?.slots.contains(slot) ?? false, .neverTold,
      "slot \(slot) of \(lock.owner)")
  }
}

extension Facts {
  /// Slots that a recovery keeps for dead letters nobody has dealt with.
  func slotsOfLetters(_ activity: Int) -> Set<Int> {
    var slots: Set<Int> = []
    for letter in evidence.postgres.letters
    where !letter.isResolved && letter.reason != "void_epoch" {
      if case .event(let event) = Message(letter.payload), event.slot.activity == activity {
        slots.insert(event.slot.number)
      }
      let parts = String(decoding: letter.key ?? [], as: UTF8.self).split(separator: "_")
      if parts.count == 2, Int(parts[0]) == activity, let slot = Int(parts[1]) {
        slots.insert(slot)
      }
    }
    return slots
  }
}
