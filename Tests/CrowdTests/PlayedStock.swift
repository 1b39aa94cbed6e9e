import HTTPServer
import Threads

@testable import Crowd

/// A whole service in memory, with faults and mistakes on request: what the crowd is tried against.
final class PlayedStock: HTTPHandler {
  /// A mistake that the crowd must find.
  enum Mistake: Sendable {
    case none
    /// The hundredth claim gets the slot of the first.
    case sellsTwice
    /// A slot that is given back is never sold again.
    case losesSlots
    /// A repeat is sometimes told the next slot.
    case forgetsSlots
    /// The stores forget the tenth claim.
    case losesClaim
    /// `Retry-After` is left out.
    case neverRetry
  }

  private struct State {
    var dice: Dice
    var slots: [Int: Owner] = [:]
    /// Of a user: request → slot, 0 when released.
    var users: [String: [String: Int]] = [:]
    var free: [Int] = []
    var used = 0
    var claims = 0
    var asked = 0
  }

  static let activity = 7
  let total: Int
  let limit: Int
  /// Share of the calls that are answered with pending, 503 or not at all.
  let faults: Double
  let mistake: Mistake
  private let state: Lock<State>

  init(total: Int, limit: Int = 1, faults: Double = 0, mistake: Mistake = .none, seed: UInt64 = 1) {
    self.total = total
    self.limit = limit
    self.faults = faults
    self.mistake = mistake
    state = Lock(State(dice: Dice(seed, 0, 0)))
  }

  /// What Redis and Postgres would hold.
  var evidence: Evidence {
    state.withLock { state in
      var evidence = Evidence()
      for (slot, owner) in state.slots {
        let holder = Holder(user: owner.user, request: owner.request, seq: Int64(slot), epoch: 1)
        evidence.redis.locks[slot] = holder
        evidence.postgres.claims[slot] = holder
      }
      evidence.redis.total = total
      evidence.redis.lockCount = state.slots.count
      evidence.postgres.total = total
      evidence.postgres.surplus = total - state.slots.count
      return evidence
    }
  }

  var asked: Int { state.withLock { $0.asked } }

  func handle(_ request: HTTPRequest, token: ReplyToken) -> HTTPReply? {
    let parts = request.path.split(separator: "/").map(String.init)
    if parts.count == 3 {
      return reply(200, #"{"activity":7,"total":\#(total),"state":"open","left":1}"#)
    }
    guard let user = request.header("x-user-id") else { return refused(400, "invalid_user") }
    return state.withLock { state in
      state.asked += 1
      // Half of the faults come before anything is done, half after it.
      let luck = state.dice.next()
      if luck < faults / 4 { return refused(503, "overloaded") }
      if luck < faults / 2 { return refused(503, "unavailable") }
      let answer = answer(request, user, parts, &state)
      if luck > 1 - faults / 10 { return nil }
      if luck > 1 - faults / 4 { return refused(503, "unavailable") }
      if luck > 1 - faults / 2, answer.status == 200 { return reply(202, #"{"status":"pending"}"#) }
      return answer
    }
  }

  private func answer(
    _ request: HTTPRequest, _ user: String, _ parts: [String], _ state: inout State
  ) -> HTTPReply {
    if request.method == .post { return claim(user, request.header("idempotency-key"), &state) }
    guard let slot = state.users[user]?[parts[4]] else { return refused(404, "unknown_request") }
    if request.method == .delete {
      if slot > 0 {
        state.users[user]?[parts[4]] = 0
        state.slots[slot] = nil
        if mistake != .losesSlots { state.free.append(slot) }
      }
      return reply(200, #"{"status":"released"}"#)
    }
    return slot == 0 ? reply(200, #"{"status":"released"}"#) : claimed(slot, parts[4], true)
  }

  private func claim(_ user: String, _ key: String?, _ state: inout State) -> HTTPReply {
    var requests = state.users[user] ?? [:]
    let held = requests.filter { $0.value > 0 }
    let request = key ?? held.first?.key ?? "made-\(state.dice.bits())"
    if let slot = requests[request] {
      if slot == 0 { return refused(409, "released") }
      let isWrong = mistake == .forgetsSlots && state.dice.next() < 0.1
      return claimed(isWrong ? slot % total + 1 : slot, request, true)
    }
    if held.count >= limit { return refused(409, "limit_reached") }
    guard var slot = state.free.popLast() ?? (state.used < total ? state.used + 1 : nil) else {
      return refused(409, "sold_out")
    }
    state.used = max(state.used, slot)
    state.claims += 1
    if mistake == .sellsTwice && state.claims == 100 {
      state.free.append(slot)
      slot = 1
    }
    requests[request] = slot
    state.users[user] = requests
    if !(mistake == .losesClaim && state.claims == 10) { state.slots[slot] = Owner(user, request) }
    return claimed(slot, request, false)
  }

  private func claimed(_ slot: Int, _ request: String, _ replayed: Bool) -> HTTPReply {
    reply(
      200,
      #"{"activity":7,"slot":\#(slot),"lockKey":"7_\#(slot)","requestId":"\#(request)","#
        + #""status":"claimed","replayed":\#(replayed)}"#)
  }

  private func refused(_ status: Int, _ code: String) -> HTTPReply {
    var reply = reply(status, #"{"title":"no","status":\#(status),"code":"\#(code)"}"#)
    if status == 503 && mistake != .neverRetry { reply.headers = [("Retry-After", "1")] }
    return reply
  }

  private func reply(_ status: Int, _ body: String) -> HTTPReply {
    HTTPReply(status: status, body: Array(body.utf8))
  }
}
