import HTTPServer
import RedisClient
import Stock
import Threads

@testable import DrawService

let sampleActivity = ActivityID(100_001)!

func sampleRequest(
  _ operation: DrawRequest.Operation = .claim(isKeyed: true), user: String = "ann",
  request: String = "r-1", activity: ActivityID = sampleActivity, arrived: MonotonicTime = .now
) -> DrawRequest {
  DrawRequest(
    token: ReplyToken(loop: 0, slot: 0, serial: 1), activity: activity, operation: operation,
    user: user, request: request, arrived: arrived)
}

/// A script's reply: head, then the items' values.
func sampleReply(
  status: Int64 = 0, first: Int64 = 0, last: Int64 = 0, _ values: [RedisReply] = []
) -> RedisReply {
  .array(
    [status, 1_700_000_000_000, 3, first, last, 1].map(RedisReply.integer) + values)
}

func claimItem(_ code: Int64, slot: Int64 = 0, seq: Int64 = 0, _ request: String) -> [RedisReply] {
  [.integer(code), .integer(slot), .integer(seq), .string(Array(request.utf8))]
}

/// Holds, and no epoch above the replies' is known.
let goodLease = LeaseView(isValid: true, highestEpoch: 3)
