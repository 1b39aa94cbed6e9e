import Glibc
import PostgresClient
import RedisClient
import Threads

/// One whole run: find out the stock, let the crowd draw, wait until all is applied, check.
struct Visit {
  let options: Options

  init(_ options: Options) { self.options = options }

  func run() throws -> Report {
    let start = MonotonicTime.now
    let total = try stock()
    var recorder: Recorder?
    if let path = options.record {
      recorder = Recorder(path: path, startNs: start.nanoseconds)
      if recorder == nil { throw Unreadable(description: "\(path): errno \(errno)") }
    }
    let exchange = Exchange(
      addresses: options.urls, activity: options.activity, connections: options.concurrency,
      timeoutMs: options.timeoutMs)
    let throng = Throng(options, exchange: exchange, total: total, recorder: recorder)
    throng.run()
    if let recorder, !recorder.flush() {
      throw Unreadable(description: "could not write \(options.record ?? "")")
    }
    return try report(throng, total: total, startNs: start.nanoseconds)
  }

  private func report(_ throng: Throng, total: Int, startNs: Int64) throws -> Report {
    let stories = throng.errands.map(\.story)
    let rules = Rules(
      total: total, limit: options.habits.limit,
      untilHeld: options.untilHeld && !throng.isStopping && !throng.isLate,
      isShared: options.isShared)
    var report = Report(options, throng.tally, stories, total: total)
    report.startedUs = startNs / 1_000
    report.confirmed = throng.confirmed
    var evidence: Evidence?
    if !options.isLoadOnly {
      let deadline = MonotonicTime.after(ms: options.settleS * 1_000)
      let read = try Evidence.settled(sources, stories, until: deadline)
      report.add(read, stories)
      if read.isSettled && report.lag == 0 {
        report.caughtUpMs = Int(
          max(0, MonotonicTime.now.nanoseconds - throng.tally.lastAnsweredNs) / 1_000_000)
      }
      evidence = read
    }
    report.judge(check(stories, evidence, rules), rules, hasEvidence: evidence != nil)
    if throng.isLate {
      report.unfinished =
        "after \(options.deadlineS) s \(throng.holding.held) of \(total) slots were held, "
        + "\(throng.inProgress) draws under way"
    }
    return report
  }

  private var sources: Sources {
    var endpoint = RedisEndpoint(
      host: options.redisHost, port: options.redisPort,
      socket: options.redisSocket.isEmpty ? nil : options.redisSocket)
    endpoint.username = variable("SLIDING_STOCK_REDIS_USER")
    endpoint.password = secret("SLIDING_STOCK_REDIS_PASSWORD")
    endpoint.database = variable("SLIDING_STOCK_REDIS_DATABASE").flatMap { Int($0) } ?? 0
    return Sources(
      redis: endpoint,
      postgres: PostgresSettings(
        connection: options.postgres, password: secret("SLIDING_STOCK_POSTGRES_PASSWORD"),
        applicationName: "crowd", statementTimeoutMs: 120_000),
      activity: options.activity)
  }

  /// The activity's stock as the first DrawService that answers says, within ten seconds.
  private func stock() throws -> Int {
    let exchange = Exchange(
      addresses: options.urls, activity: options.activity, connections: 1, timeoutMs: 3_000)
    let deadline = MonotonicTime.after(ms: min(10, options.deadlineS) * 1_000)
    var last = "no answer"
    var total: Int?
    var turn = 0
    while total == nil && .now < deadline {
      var isDone = false
      exchange.send(
        Outgoing(
          call: .describe, user: "crowd", request: nil, address: turn % options.urls.count,
          ticket: 0))
      turn += 1
      while !isDone {
        exchange.poll(timeoutMs: 100) { incoming in
          isDone = true
          var fields = Fields()
          if incoming.status == 200, fields.read(incoming.body), fields.total > 0 {
            total = fields.total
          } else {
            last = incoming.failure ?? "\(incoming.status) \(fields.code)"
          }
        }
      }
      if total == nil { usleep(100_000) }
    }
    guard let total else {
      throw Unreadable(
        description: "no DrawService describes activity \(options.activity): \(last)")
    }
    return total
  }
}
