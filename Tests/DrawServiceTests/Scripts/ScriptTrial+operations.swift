import RedisClient
import Threads

@testable import ScriptModel

/// What a trial does: mostly what services do, and now and then what must not matter.
extension ScriptTrial {
  private static let farMs: Int64 = 1 << 50
  private static let userNames = [
    "u", "u.1", "u-1", "U~_1", "u1", String(repeating: "w", count: 64),
    "a", "b", "c", "d", "e", "f", "g", "h", "i",
  ]
  private static let requestNames = [
    "r", "r.1", "r-1", "r1", "r11", "R", String(repeating: "q", count: 64),
  ]

  /// A new activity of random size and rules in an empty Redis.
  func beginWorld() throws {
    let hits = model.hits
    model = ScriptModel()
    model.hits = hits
    model.total = random.pick([1, 2, 3, 5, 8, 13, 20])
    users = Array(Self.userNames.shuffled(using: &random).prefix(random.pick([2, 6, 15, 15])))
    model.limit = random.pick([1, 1, 2, 3])
    // Numbers that Lua and Redis print wrongly if one lets them.
    model.seq = random.pick([0, 99_999_999_999_990, (1 << 53) - 100_000])
    model.epoch = random.pick([1, 7, 1 << 52])
    model.serverEpoch = model.epoch
    (model.identity, model.fence, model.serverFence) = (identity, identity, identity)
    var stock = RedisCommand("HSET", keys[2])
    for (field, value) in StockState(model).stock {
      stock.append(field)
      stock.append(value)
    }
    try tamper([
      RedisCommand("FLUSHDB"),
      RedisCommand("HSET", keys[0], "epoch", "\(model.epoch)", "fence", identity),
      RedisCommand("SADD", keys[1], activity), stock,
    ]) { _ in }
  }

  func playStep() throws {
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<72: try playCall()
    case 72..<78: try playUnderFault()
    case 78..<84: try tamperWithUsed()
    case 84..<91: try tamperWithFree()
    case 91..<93: try changeEpoch()
    default: try changeRules()
    }
  }

  func playCall() throws {
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<50: try playClaim()
    case 50..<64: try playRelease()
    case 64..<88: try playAcknowledge()
    default:
      try look(
        (0..<random.pick([0, 1, 3])).map { _ in random.chance(50) ? heldRequest() : anyRequest() },
        epochSeen: epochSeen())
    }
  }

  private func playClaim() throws {
    let claims = (0..<Int.random(in: 1...8, using: &random)).map { _ in
      let (user, request) = anyRequest()
      return (user, request, random.chance(model.limit > 1 ? 95 : 70))
    }
    try claim(
      ClaimCall(
        notAfterMs: notAfterMs(), epochSeen: epochSeen(),
        slideLimit: random.chance(30) ? .random(in: 1...5, using: &random) : 10_000,
        outboxCap: random.chance(15) ? .random(in: 0...3, using: &random) : 1_000,
        claims: claims))
  }

  private func playRelease() throws {
    let requests = (0..<Int.random(in: 1...4, using: &random)).map { _ in
      random.chance(70) ? heldRequest() : anyRequest()
    }
    let twice = random.chance(20) ? [requests[0]] : []
    try release(
      ReleaseCall(
        notAfterMs: notAfterMs(), epochSeen: epochSeen(),
        outboxCap: random.chance(15) ? .random(in: 0...3, using: &random) : 1_000,
        requests: requests + twice))
  }

  private func playAcknowledge() throws {
    var entries = model.outbox.map { (lastSeq: $0.lastSeq, epoch: $0.epoch) }
      .filter { _ in random.chance(60) }
    if random.chance(20) {
      entries.append((.random(in: 0...model.seq + 1, using: &random), model.epoch))
    }
    if random.chance(20) { entries += entries.prefix(1) }
    if random.chance(10), let entry = entries.first {
      // Another epoch's entry of that seq, with or without the right one behind.
      if random.chance(70) { entries.removeAll { $0.lastSeq == entry.lastSeq } }
      entries.insert((entry.lastSeq, entry.epoch + random.pick([-1, 1])), at: 0)
    }
    try acknowledge(entries, epochSeen: epochSeen())
  }

  // MARK: Arguments

  private func anyRequest() -> (user: String, request: String) {
    (random.pick(users), random.pick(Self.requestNames))
  }

  private func heldRequest() -> (user: String, request: String) {
    // Sorted, so that the seed alone decides.
    let held = model.locks.sorted { $0.key < $1.key }.map { ($0.value.user, $0.value.request) }
    return held.isEmpty ? anyRequest() : random.pick(held)
  }

  /// About now: Redis may be at, before or after it when the script runs.
  private func aboutNowMs() -> Int64 { wallClockMs() + .random(in: -1...2, using: &random) }

  private func notAfterMs() -> Int64 {
    random.chance(90) ? Self.farMs : aboutNowMs()
  }

  private func epochSeen() -> Int64 {
    random.chance(90) ? model.epoch : model.epoch + random.pick([-1, 1])
  }

  // MARK: What happens to an activity

  /// Other rules for a call or, now and then, for longer.
  private func changeRules() throws {
    switch random.pick([0, 1, 2]) {
    case 0:
      let state = random.pick(["paused", "closed", "preparing"])
      try set("state", state) { $0.state = state }
    case 1:
      let opensMs = random.pick([aboutNowMs(), aboutNowMs(), Self.farMs])
      try set("opens", "\(opensMs)") { $0.opensMs = opensMs }
    default:
      let closesMs = random.pick([aboutNowMs(), aboutNowMs(), 1])
      try set("closes", "\(closesMs)") { $0.closesMs = closesMs }
    }
    try playClaim()
    if random.chance(10) { return }
    try set("opens", "0") { $0.opensMs = 0 }
    try set("closes", "\(Self.farMs)") { $0.closesMs = Self.farMs }
    try set("state", "open") { $0.state = "open" }
  }

  /// As after a recovery: the locks keep the epochs of their events, but for a release under way, whose
  /// event is written anew.
  private func changeEpoch() throws {
    let epoch = model.epoch + 1
    try set("epoch", "\(epoch)") { $0.epoch = epoch }
    try tamper([RedisCommand("HSET", keys[0], "epoch", "\(epoch)")]) { $0.serverEpoch = epoch }
    for (slot, lock) in model.locks.sorted(by: { $0.key < $1.key }) where lock.isReleasing {
      let value = "\(lock.user) \(lock.request) \(lock.seq) \(epoch) r"
      try tamper([RedisCommand("HSET", keys[3], "\(slot)", value)]) {
        $0.locks[slot]?.epoch = epoch
      }
    }
  }

  // MARK: What costs time, never stock

  private func tamperWithUsed() throws {
    let held = Int64(model.locks.count)
    let end = "\(model.total)"
    let values: [String?] = [
      "0", "0", nil, end, end, "\(model.total - 1)", "\(model.total - 1)", "abc", "-3", "1.5",
      "nan", "1e30", "\(model.total + 5)",
      "\(Int64.random(in: 0...held, using: &random))",
      "\(Int64.random(in: held...model.total, using: &random))",
    ]
    // Without hints the search alone finds what was given back.
    if random.chance(50) { try tamper([RedisCommand("DEL", keys[5])]) { $0.free = [] } }
    if let value = random.pick(values) {
      try set("used", value) { $0.used = value }
    } else {
      try tamper([RedisCommand("HDEL", keys[2], "used")]) { $0.used = nil }
    }
    if random.chance(80) { try playClaim() }
  }

  private func tamperWithFree() throws {
    if random.chance(40) {
      return try tamper([RedisCommand("DEL", keys[5])]) { $0.free = [] }
    }
    let unlocked = (1...model.total).filter { model.locks[$0] == nil }
    let number =
      unlocked.isEmpty || random.chance(40)
      ? String(Int64.random(in: 1...model.total, using: &random)) : String(random.pick(unlocked))
    let hints = [
      number, number, number, "0", "-1", "\(model.total + 1)", "abc", "0\(number)", "\(number).0",
      "", " \(number)", "1e0",
    ]
    let hint = random.pick(hints)
    let copies = random.pick([1, 2, 3])
    for _ in 0..<copies {
      try tamper([RedisCommand("LPUSH", keys[5], hint)]) { $0.free.insert(hint, at: 0) }
    }
    if random.chance(80) { try playClaim() }
  }

  func set(
    _ field: String, _ value: String, _ change: (inout ScriptModel) -> Void
  ) throws {
    try tamper([RedisCommand("HSET", keys[2], field, value)], change)
  }
}
