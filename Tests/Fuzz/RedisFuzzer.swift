import CHiredis
import Stock
import StockRecords

@testable import DrawService
@testable import RedisClient

/// What a server's bytes become: through hiredis's reader, our replies, and everything that is made of those.
enum RedisFuzzer {
  private static let activity = ActivityID(100_001)!

  static func judge(_ input: [UInt8]) -> Bool {
    let whole = replies(input, pieceBytes: max(1, input.count))
    let pieces = replies(input, pieceBytes: 3)
    demand(whole == pieces, "cut into pieces they are \(pieces), not \(whole)")
    for reply in whole { judge(reply) }
    FenceJudge.judge(whole, of: activity)
    return true
  }

  /// Until the first violation of the protocol.
  private static func replies(_ input: [UInt8], pieceBytes: Int) -> [RedisReply] {
    guard let reader = redisReaderCreate() else { return [] }
    defer { redisReaderFree(reader) }
    var replies: [RedisReply] = []
    for start in stride(from: 0, to: input.count, by: pieceBytes) {
      let piece = Array(input[start..<min(start + pieceBytes, input.count)])
      let status = piece.withUnsafeBytes {
        redisReaderFeed(reader, $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
      }
      if status != REDIS_OK { return replies }
      while true {
        var reply: UnsafeMutableRawPointer?
        if redisReaderGetReply(reader, &reply) != REDIS_OK { return replies }
        guard let reply else { break }
        defer { freeReplyObject(reply) }
        replies.append(RedisReply(reply.assumingMemoryBound(to: redisReply.self).pointee))
      }
    }
    return replies
  }

  private static func judge(_ reply: RedisReply) {
    LaneJudge.judge(reply, of: activity)
    judgeOutbox(reply)
    if let identity = ServerIdentity(reply) {
      demand(identity.description.utf8.contains(UInt8(ascii: ":")), "identity \(identity)")
      demand(ServerIdentity(text: identity.description) == identity, "identity \(identity)")
    }
    if let settings = RedisSettings(reply) {
      demand(settings.isUnsafe == (settings.policy != "noeviction"), "policy \(settings.policy)")
      demand(settings.doubts.count <= 1, "doubts \(settings.doubts)")
    }
    if let text = reply.text { judge(text) }
    for element in reply.elements ?? [] { judge(element) }
  }

  private static func judgeOutbox(_ reply: RedisReply) {
    do throws(OutboxRecord.Unreadable) {
      let record = try OutboxRecord(reply, of: activity)
      demand(!record.events.isEmpty && record.events.last?.seq == record.lastSeq, "\(record)")
      for (place, event) in record.events.enumerated() {
        demand(event.seq == record.events[0].seq + Int64(place), "seqs of \(record)")
        demand(event.epoch == record.epoch && event.timeMs == record.timeMs, "\(record)")
        // A worker would keep anything else aside for ever.
        EventFuzzer.judge(event)
      }
    } catch {
      demand(!error.reason.isEmpty && error.reason.utf8.count < 200, "unreadable: \(error)")
    }
  }

  private static func judge(_ text: String) {
    if let lock = LockRecord(text: text) {
      demand(LockRecord(text: lock.text) == lock, "lock '\(text)' is written '\(lock.text)'")
      demand(lock.text.split(separator: " ").count == (lock.isReleasing ? 5 : 4), "lock \(lock)")
    }
    if let claims = ClaimRecord.list(text) {
      let written = claims.map(\.text).joined(separator: ",")
      demand(ClaimRecord.list(written) == claims, "claims '\(text)' are written '\(written)'")
    }
    if let found = slot(ofLockKey: Array(text.utf8)) {
      demand(lockKey(found.activity, found.number) == text, "lock key '\(text)'")
    }
    if let id = ActivityID(text: text) { demand(id.description == text, "activity '\(text)'") }
  }
}
