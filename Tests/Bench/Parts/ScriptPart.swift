import RedisClient
import Stock
import Threads

/// The claim script alone: calls of one size, a pipeline at a time, as fast as Redis takes them.
///
/// Their events stay in the outbox: nobody acknowledges here.
struct ScriptPart {
  private let activity: ActivityID
  private let script: RedisScript
  private let batch: Int
  private let calls: Int
  private let seconds: Int
  private let endpoint: RedisEndpoint

  init(_ options: Options) throws {
    guard let activity = ActivityID(text: try options.text("activity")) else {
      throw UsageError("--activity takes an activity's number")
    }
    self.activity = activity
    script = RedisScript(name: "claim", source: try contents(of: options.text("script")))
    batch = try options.whole("batch", 1...256, default: 32)
    calls = try options.whole("calls", 1...1_000, default: 4)
    seconds = try options.seconds()
    endpoint = RedisEndpoint(
      socket: try Options.environment("SLIDING_STOCK_REDIS_SOCKET"), commandTimeoutMs: 10_000,
      clientName: "bench")
  }

  func run() throws {
    let session = RedisSession(endpoint, scripts: [script])
    _ = try session.pipeline([RedisCommand("PING")])
    let started = MonotonicTime.now
    let usAtStart = processorUs()
    var sent = 0
    while started.adding(ms: seconds * 1_000) > .now {
      let commands = (0..<calls).map { call($0, after: sent) }
      for reply in try session.pipeline(commands) { try check(reply) }
      sent += calls * batch
    }
    tell("claims", sent)
    tell("seconds", Double(MonotonicTime.now.microseconds(since: started)) / 1e6)
    tell("client_us", processorUs() - usAtStart)
  }

  private func call(_ number: Int, after sent: Int) -> RedisCommand {
    var command = RedisCommand.script(script, keys: RedisKeys(activity).all)
    // Never late, any epoch, the service's slide limit, no cap on the outbox.
    for bound in [activity.value, 1 << 52, 0, 10_000, 10_000_000] { command.append(bound) }
    for claim in 0..<batch {
      let digits = String(1_000_000_000_000 + sent + number * batch + claim)
      command.append("user-" + digits.suffix(8))
      command.append("req-" + digits.suffix(12))
      command.append("k")
    }
    return command
  }

  /// Every claim of the call must have got a slot.
  private func check(_ reply: RedisReply) throws {
    guard let items = reply.elements, items.first?.int == 0, items.count == 6 + 4 * batch,
      stride(from: 6, to: items.count, by: 4).allSatisfy({ items[$0].int == 1 })
    else { throw Failure("a call did not claim: \(reply)") }
  }
}
