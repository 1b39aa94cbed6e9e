@testable import Crowd

/// A small world for the checks: stories built from told answers, and the evidence that fits them.
struct Scene {
  var stories: [Story] = []
  var evidence = Evidence()
  var rules = Rules(total: 10, limit: 1)

  /// `claimed` users with one slot each, then those who gave back, then those who were told no.
  init(held: Int = 8, released: Int = 1, refused: Int = 3) {
    evidence.redis.total = 10
    evidence.postgres.total = 10
    for number in 1...max(1, held + released) {
      var story = Story(user: "u\(number)", request: "r\(number)")
      story.add(.ask, at: 10, 20, .claimed(slot: number, request: "r\(number)", replayed: false))
      if number <= held {
        hold(number, "u\(number)", "r\(number)")
      } else {
        story.add(.giveBack, at: 30, 40, .released)
      }
      stories.append(story)
    }
    for number in 0..<refused {
      var story = Story(user: "n\(number)", request: "q\(number)")
      story.add(.ask, at: 50, 60, .refused("sold_out"))
      stories.append(story)
    }
    recount()
  }

  /// The slot is theirs in both stores.
  mutating func hold(_ slot: Int, _ user: String, _ request: String) {
    let holder = Holder(user: user, request: request, seq: Int64(slot), epoch: 1)
    evidence.redis.locks[slot] = holder
    evidence.postgres.claims[slot] = holder
  }

  /// Makes the counters fit what is held.
  mutating func recount() {
    evidence.redis.lockCount = evidence.redis.locks.count + evidence.redis.releasing.count
    evidence.postgres.surplus = evidence.postgres.total - evidence.postgres.claims.count
  }

  var findings: [Finding] { check(stories, evidence, rules) }

  /// The numbers of the promises that are broken.
  var broken: Set<Int> { Set(findings.map(\.promise)) }
}

extension Story {
  mutating func add(_ call: Call, at sentNs: Int64, _ answeredNs: Int64, _ answer: Answer) {
    add(Told(call: call, sentNs: sentNs, answeredNs: answeredNs, status: 0, answer: answer))
  }
}
