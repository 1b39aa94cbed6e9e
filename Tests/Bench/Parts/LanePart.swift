import Glibc
import HTTPServer
import Log
import RedisClient
import Stock
import StockRecords
import Threads

@testable import DrawService

/// Claims through DrawService's own lane, with Redis and without HTTP and Kafka: what the lane publishes is acknowledged
/// at once, through the router, as the publisher does it.
///
/// The main thread brings requests, always in groups of `calls` whole calls, two groups under way: one in the lane, one
/// before it. With three a turn takes all that is there, acknowledgements too, and no call is cut.
struct LanePart {
  private let activities: [ActivityID]
  private let claims: Int
  private let batch: Int
  private let calls: Int
  private let seconds: Int
  private let endpoint: RedisEndpoint

  init(_ options: Options) throws {
    let first = try options.whole("activity", 1...1 << 52, default: 0)
    let count = try options.whole("activities", 1...1_000, default: 1)
    activities = (0..<count).compactMap { ActivityID(Int64(first + $0)) }
    claims = try options.whole("claims", 1...10_000_000, default: 10_000_000)
    batch = try options.whole("batch", 1...256, default: 100)
    calls = try options.whole("calls", 1...3, default: 3)
    seconds = try options.seconds()
    endpoint = RedisEndpoint(
      socket: try Options.environment("SLIDING_STOCK_REDIS_SOCKET"), commandTimeoutMs: 10_000,
      clientName: "bench")
  }

  func run() throws {
    let inFlight = 2 * calls * batch
    // Acknowledgements wait in the same inbox.
    let router = LaneRouter(lanes: 1, requestLimit: 2 * inFlight, inFlight: inFlight)
    let echo = Echo(router, limit: inFlight)
    let meters = Meters()
    let lane = try LaneThread(router, echo, meters, endpoint, batch: batch)
    let started = MonotonicTime.now
    let end = started.adding(ms: seconds * 1_000)
    var made: [Int] = []
    for activity in activities {
      made.append(try sell(activity, router, echo, meters, until: end))
    }
    let taken = MonotonicTime.now.microseconds(since: started)
    let laneUs = lane.end()
    for (activity, count) in zip(activities, made) { try check(activity, count) }
    let claimed = made.reduce(0, +)
    let values = meters.takeValues()
    tell("claims", claimed)
    tell("seconds", Double(taken) / 1e6)
    tell("lane_us", laneUs)
    tell("batch", Double(claimed) / Double(echo.entries))
    tell("calls", max(1, (Double(echo.entries) / Double(values.turns)).rounded()))
  }

  /// Claims of one activity up to `claims`, or until the time is over; returns how many were made.
  private func sell(
    _ activity: ActivityID, _ router: LaneRouter, _ echo: Echo, _ meters: Meters,
    until end: MonotonicTime
  ) throws -> Int {
    var (asked, made, room) = (0, 0, 2 * calls * batch)
    let group = calls * batch
    while true {
      let isOver = asked == claims || end <= .now
      if isOver, made == asked { return made }
      if !isOver, room >= min(group, claims - asked) {
        let count = min(group, claims - asked)
        let requests = (0..<count).map { request(activity, asked + $0) }
        let left = router.submit(requests, to: 0)
        guard left.isEmpty else { throw Failure("the lane did not take its requests") }
        asked += count
        room -= count
        continue
      }
      guard let done = echo.made.take(until: .after(ms: 10_000)), !done.isEmpty else {
        throw Failure("claims were not made: \(meters.takeValues().outcomes)")
      }
      let count = done.reduce(0, +)
      made += count
      room += count
    }
  }

  /// Ids of 13 and 16 characters.
  private func request(_ activity: ActivityID, _ number: Int) -> DrawRequest {
    let digits = String(1_000_000_000_000 + number).dropFirst()
    return DrawRequest(
      token: ReplyToken(loop: 0, slot: 0, serial: 1), activity: activity,
      operation: .claim(isKeyed: true), user: "u\(digits)", request: "req-\(digits)", arrived: .now)
  }

  /// Redis holds a lock for each claim, on slots of their own, and has nothing left to publish.
  private func check(_ activity: ActivityID, _ made: Int) throws {
    let keys = RedisKeys(activity).all
    let session = RedisSession(endpoint, scripts: [])
    let replies = try session.pipeline([
      RedisCommand("HLEN", keys[3]), RedisCommand("HGET", keys[2], "seq"),
      RedisCommand("XLEN", keys[6]), RedisCommand("HGET", keys[2], "total"),
    ])
    let locks = replies[0].int ?? -1
    let seq = replies[1].text.flatMap { Int64($0) } ?? -1
    let total = replies[3].text.flatMap { Int64($0) } ?? -1
    guard locks == made, seq == made, replies[2].int == 0, locks <= total else {
      throw Failure(
        "PROMISE BROKEN: activity \(activity), stock \(total): \(made) claims told, \(locks) locks, "
          + "\(seq) events, \(replies[2].int ?? -1) entries in the outbox")
    }
  }
}

/// Kafka's place: every event is acknowledged as soon as it is published, by the lane's own thread.
private final class Echo: EntrySink {
  let permits: Permits
  /// Claims whose entry was published, for the one who waits for them.
  let made = Inbox<Int>(capacity: 1_000_000)
  private let router: LaneRouter
  private let count = Lock(0)

  init(_ router: LaneRouter, limit: Int) {
    self.router = router
    permits = Permits(limit: limit)
  }

  var entries: Int { count.withLock { $0 } }

  func publish(_ entry: OutboxEntry) {
    permits.giveBack(entry.events.count)
    count.withLock { $0 += 1 }
    for _ in entry.events {
      if let acknowledgement = entry.report(isAcknowledged: true) {
        let isTaken = router.acknowledge(acknowledgement)
        precondition(isTaken, "the lane's inbox has room for every acknowledgement")
      }
    }
    let offer = made.offer(entry.events.count)
    precondition(offer == .accepted)
  }
}

/// A lane with what it stands on, on a thread of its own.
private final class LaneThread {
  private let router: LaneRouter
  private let thread: NamedThread
  private let usedUs = Lock<Int64>(0)
  private let log = Log(service: "bench", instance: "lane", level: .warning, descriptor: 2)

  init(
    _ router: LaneRouter, _ sink: any EntrySink, _ meters: Meters, _ endpoint: RedisEndpoint,
    batch: Int
  ) throws {
    self.router = router
    let readiness = Readiness(lanes: 1)
    let replies = ReplySink(meters: meters)
    // Nobody asks it: a refusal, which there should be none of, has somewhere to go.
    replies.attach(try HTTPServer(host: "127.0.0.1", port: 0, handler: Nobody()))
    let context = LaneContext(
      endpoint: endpoint, limits: ClaimLimits(batch: batch), publisher: sink, lease: Self.lease,
      fence: FenceWatch(readiness: readiness, log: log, probeNow: {}), replies: replies,
      meters: meters, readiness: readiness, log: log)
    thread = NamedThread("lane-1") { [usedUs] in
      Lane(number: 0, inbox: router.inboxes[0], context: context).run()
      var used = timespec()
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used)
      let us = Int64(used.tv_sec) * 1_000_000 + Int64(used.tv_nsec) / 1_000
      usedUs.withLock { $0 = us }
    }
  }

  /// Lets it carry out what it has; returns its user and system time, microseconds.
  func end() -> Int64 {
    router.close()
    thread.join()
    return usedUs.withLock { $0 }
  }

  /// One that holds for the whole run.
  private static var lease: LeaseHolder {
    var lease = Lease(durationMs: 3_600_000)
    lease.sent(ticket: 1, at: .now)
    lease.acknowledged(ticket: 1, offset: 0)
    lease.read(position: 1, highestEpoch: nil)
    let holder = LeaseHolder()
    holder.publish(lease)
    return holder
  }
}

private struct Nobody: HTTPHandler {
  func handle(_ request: HTTPRequest, token: ReplyToken) -> HTTPReply? { HTTPReply(status: 404) }
}
