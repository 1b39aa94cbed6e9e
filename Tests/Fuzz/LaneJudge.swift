import HTTPServer
import RedisClient
import Stock
import Threads

@testable import DrawService

/// What a lane makes of a reply to each of its calls: every client is told something exactly once.
enum LaneJudge {
  private static func request(_ operation: DrawRequest.Operation, _ user: String) -> DrawRequest {
    DrawRequest(
      token: ReplyToken(loop: 0, slot: 0, serial: 1),
      activity: ActivityID(100_001)!, operation: operation, user: user,
      request: operation == .describe ? "" : "r-\(user)", arrived: .now)
  }

  static func judge(_ reply: RedisReply, of activity: ActivityID) {
    guard reply.elements != nil else { return }
    let claim = DrawRequest.Operation.claim(isKeyed: true)
    let calls: [(call: LanePlan.Call, requests: Int)] = [
      (.claim(activity, [request(claim, "a")]), 1),
      (.claim(activity, [request(claim, "a"), request(.claim(isKeyed: false), "b")]), 2),
      (.release(activity, [request(.release, "a")]), 1),
      (.release(activity, [request(.release, "a"), request(.release, "b")]), 2),
      (.look(activity, [request(.describe, ""), request(.look, "a")]), 2),
    ]
    for (call, count) in calls {
      for lease in [
        LeaseView(isValid: true, highestEpoch: 3), LeaseView(isValid: false, highestEpoch: 3),
      ] {
        judge(LaneOutcome(call, reply, lease: lease), lease, requests: count)
      }
    }
  }

  private static func judge(_ outcome: LaneOutcome, _ lease: LeaseView, requests: Int) {
    let events = outcome.entry?.events ?? []
    let told = outcome.answers.count + outcome.again.count + outcome.undecided.count + events.count
    demand(told == requests, "\(told) of \(requests) requests are told something")
    for (place, event) in events.enumerated() {
      demand(event.seq == events[0].seq + Int64(place), "seqs of \(events)")
      EventFuzzer.judge(event)
    }
    if let entry = outcome.entry {
      demand(entry.id.lastSeq == events.last?.seq, "last seq \(entry.id)")
    }
    for (_, answer) in outcome.answers {
      if case .claimed = answer { demand(lease.isValid, "'claimed' without a lease") }
      if case .described = answer { demand(lease.isValid, "a description without a lease") }
    }
    guard let nowMs = outcome.nowMs else { return }
    let clock = RedisClock(redisMs: nowMs, receivedAt: MonotonicTime(nanoseconds: 5_000_000))
    demand(
      clock.redisMs(at: MonotonicTime(nanoseconds: 6_000_000)) == nowMs + 1, "the clock of \(nowMs)"
    )
  }
}
