import RedisClient
import Stock

/// What both sides hold about a dead letter's slot, in words.
struct SlotSummary: Equatable {
  var postgres: String
  var redis: String

  init(_ letter: StoredLetter, _ store: DeadLetterStore, _ redis: RedisConnection?) throws {
    guard let slot = letter.slot else {
      (postgres, self.redis) = ("names no slot", "names no slot")
      return
    }
    let holding = try store.holding(
      slot.activity, slot.number, user: letter.event?.user ?? "",
      request: letter.event?.request ?? "")
    var parts: [String] = []
    if let row = holding.row {
      let state = row.isClaimed ? "claimed" : "released"
      parts.append(
        "\(state) by \(row.user) \(row.request) seq \(row.seq) epoch \(row.epoch)")
    }
    if let seq = holding.releasedSeq { parts.append("this request released at seq \(seq)") }
    postgres = parts.isEmpty ? "nothing" : parts.joined(separator: "; ")
    self.redis = "unavailable"
    // What is said beside is committed: nothing that Redis answers or does not answer may hide it.
    let command = RedisCommand("HGET", RedisKeys(slot.activity).locks, String(slot.number))
    guard let reply = try? redis?.pipeline([command]).first, reply.error == nil else { return }
    self.redis = reply.text.map { "lock '\($0)'" } ?? "nothing"
  }
}
