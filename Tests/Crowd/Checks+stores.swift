/// One claim's owner.
struct Owner: Hashable, Sendable {
  let user: String
  let request: String

  init(_ user: String, _ request: String) {
    self.user = user
    self.request = request
  }
}

extension Finding {
  init(_ promise: Promise, _ text: String) { self.init(promise: promise.rawValue, text: text) }
}

extension Story {
  var who: String { "\(user) with \(request ?? "no key")" }
}

extension [Int: Holder] {
  /// Which slot each request holds. (Two slots of one request are found by `checkLimits`.)
  var byRequest: [Owner: Int] {
    var slots: [Owner: Int] = [:]
    slots.reserveCapacity(count)
    for (slot, holder) in self { slots[Owner(holder.user, holder.request)] = slot }
    return slots
  }
}

/// Redis and Postgres at rest, each by itself and one against the other.
func checkStores(_ evidence: Evidence, _ rules: Rules) -> [Finding] {
  let (redis, postgres) = (evidence.redis, evidence.postgres)
  var findings: [Finding] = redis.oddities.map { Finding(.appliedOnce, $0) }
  func expect(_ isTrue: Bool, _ promise: Promise, _ text: @autoclosure () -> String) {
    if !isTrue { findings.append(Finding(promise, text())) }
  }
  let locked = redis.locks.count + redis.releasing.count
  expect(locked <= rules.total, .neverOversold, "\(locked) locks for a stock of \(rules.total)")
  for (name, slots) in [("Redis", redis.locks), ("Postgres", postgres.claims)] {
    expect(
      slots.count <= rules.total, .neverOversold, "\(slots.count) held slots in \(name)")
    for slot in slots.keys where !(1...max(1, rules.total)).contains(slot) {
      findings.append(Finding(.neverOversold, "slot \(slot) of \(rules.total) is held in \(name)"))
    }
  }
  expect(
    redis.total == rules.total && postgres.total == rules.total, .appliedOnce,
    "stock \(rules.total) is \(redis.total) in Redis and \(postgres.total) in Postgres")
  expect(
    postgres.surplus == postgres.total - postgres.claims.count, .appliedOnce,
    "surplus \(postgres.surplus), but \(postgres.total) - \(postgres.claims.count) held")
  expect(redis.outboxLength == 0, .appliedOnce, "outbox still has \(redis.outboxLength) entries")
  expect(
    redis.outboxCount == redis.outboxLength, .appliedOnce,
    "outbox counted as \(redis.outboxCount), has \(redis.outboxLength)")
  expect(
    redis.lockCount == locked, .appliedOnce, "locks counted as \(redis.lockCount), are \(locked)")
  for slot in redis.releasing.keys.sorted() {
    findings.append(Finding(.neverUndersold, "slot \(slot) is still releasing"))
  }
  expect(
    postgres.deadLetters == 0, .appliedOnce, "\(postgres.deadLetters) dead letters")
  return findings + checkDifferences(redis, postgres)
}

private func checkDifferences(_ redis: RedisEvidence, _ postgres: PostgresEvidence) -> [Finding] {
  let slots = Set(redis.locks.keys).union(postgres.claims.keys)
  return slots.sorted().compactMap { slot in
    let (lock, row) = (redis.locks[slot], postgres.claims[slot])
    if lock == row { return nil }
    func line(_ holder: Holder?) -> String {
      holder.map { "\($0.user) \($0.request) seq \($0.seq) epoch \($0.epoch)" } ?? "nobody"
    }
    return Finding(
      .appliedOnce, "slot \(slot): \(line(lock)) in Redis, \(line(row)) in Postgres")
  }
}

/// Nobody over the limit, no request with two slots.
func checkLimits(_ evidence: Evidence, _ rules: Rules) -> [Finding] {
  var findings: [Finding] = []
  let stores = [("Redis", evidence.redis.locks), ("Postgres", evidence.postgres.claims)]
  for (name, slots) in stores {
    var byUser: [String: Int] = [:]
    var byRequest: [Owner: Int] = [:]
    for holder in slots.values {
      byUser[holder.user, default: 0] += 1
      byRequest[Owner(holder.user, holder.request), default: 0] += 1
    }
    for (user, count) in byUser where count > rules.limit {
      findings.append(
        Finding(.oneAnswer, "user \(user) holds \(count) slots in \(name), limit \(rules.limit)"))
    }
    for (owner, count) in byRequest where count > 1 {
      findings.append(
        Finding(.oneAnswer, "\(owner.user)'s \(owner.request) holds \(count) slots in \(name)"))
    }
  }
  return findings
}

/// Nobody holds more slots than the limit by what they were told.
func checkLimits(_ stories: [Story], _ rules: Rules) -> [Finding] {
  var slots: [String: Set<Int>] = [:]
  for story in stories {
    if case .held(let slot) = story.standing { slots[story.user, default: []].insert(slot) }
  }
  return slots.compactMap { user, held in
    held.count <= rules.limit
      ? nil : Finding(.oneAnswer, "user \(user) was told \(held.count) slots, limit \(rules.limit)")
  }
}

/// Distinct slots that were told and kept = stock = Postgres claims, surplus 0.
func checkAllHeld(_ stories: [Story], _ postgres: PostgresEvidence?, _ rules: Rules) -> [Finding] {
  var findings: [Finding] = []
  let held = Set(
    stories.compactMap { story -> Int? in
      if case .held(let slot) = story.standing { slot } else { nil }
    })
  if held.count != rules.total && !rules.isShared {
    findings.append(
      Finding(.neverUndersold, "users hold \(held.count) distinct slots of \(rules.total)"))
  }
  guard let postgres else { return findings }
  if postgres.claims.count != rules.total {
    findings.append(
      Finding(.neverUndersold, "\(postgres.claims.count) claims in Postgres of \(rules.total)"))
  }
  if postgres.surplus != 0 {
    findings.append(Finding(.neverUndersold, "surplus \(postgres.surplus), not 0"))
  }
  return findings
}
