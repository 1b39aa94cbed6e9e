import Glibc
public import Threads

/// An HTTP/1.1 server on threads of its own, named `http-1`, `http-2`, …
///
/// It reads strictly: chunked bodies, upgrades, folded headers, bare line feeds and doubled framing headers are refused.
/// One request per connection is in progress at a time, so pipelined requests get their replies in order.
public final class HTTPServer: Sendable {
  /// How much later than it came a request may be said to have arrived, milliseconds.
  public static let arrivalPrecisionMs = 500

  /// The port that it listens on, also when 0 was asked for.
  public let port: UInt16

  private struct Ending {
    var threads: [NamedThread]
    var outcome: Bool?
  }

  private let mailboxes: [Mailbox]
  private let counters: [Counters]
  private let gate = ConnectionGate()
  private let reports: Inbox<Int>
  private let ending: Lock<Ending>

  /// Binds, listens and starts the threads.
  ///
  /// - Parameters:
  ///   - host: a name or an address; `0.0.0.0` for all of IPv4, `::` for all of IPv4 and IPv6.
  ///   - port: 0 for any free one.
  ///   - singleHeaders: in lower case; a request that repeats one of them gets 400, as for Host and Content-Length.
  /// - Throws: `HTTPServerError` when the address cannot be had or the system is out of descriptors.
  public init(
    host: String, port: UInt16, loops: Int = 1, limits: HTTPLimits = HTTPLimits(),
    singleHeaders: [StaticString] = [], handler: any HTTPHandler
  ) throws(HTTPServerError) {
    precondition(loops > 0)
    let listener = try Listener(host: host, port: port, users: loops)
    let rules = ParserRules(limits: limits, singleHeaders: singleHeaders)
    let reports = Inbox<Int>(capacity: loops)
    var parts: [LoopParts] = []
    do throws(SystemError) {
      for index in 0..<loops {
        let made = try LoopParts(
          index: index, listener: listener, poller: Poller(), mailbox: Mailbox(),
          counters: Counters(), gate: gate, rules: rules, handler: handler, reports: reports)
        try made.poller.addWake(made.mailbox.wakeDescriptor, key: EventLoop.wakeKey)
        try made.poller.addListener(listener.descriptor, key: EventLoop.listenerKey)
        parts.append(made)
      }
    } catch {
      for _ in 0..<loops { listener.leave() }
      throw HTTPServerError(description: error.text)
    }
    self.port = listener.port
    self.reports = reports
    mailboxes = parts.map(\.mailbox)
    counters = parts.map(\.counters)
    ending = Lock(
      Ending(
        threads: parts.map { parts in
          NamedThread("http-\(parts.index + 1)") { EventLoop(parts).run() }
        }))
  }

  deinit {
    for mailbox in mailboxes { mailbox.advance(to: .ended) }
  }

  /// Sends the replies to requests whose handler returned nil. From any thread; never blocks; one lock and
  /// at most one wake per loop. Stale tokens are dropped.
  public func reply(_ replies: [(token: ReplyToken, reply: HTTPReply)]) {
    if mailboxes.count == 1 { return mailboxes[0].post(replies) }
    for (index, mailbox) in mailboxes.enumerated() {
      mailbox.post(replies.filter { $0.token.loop == index })
    }
  }

  /// Closes the listener. Connections get `Connection: close` with their next reply; idle ones are closed.
  public func stopAccepting() {
    for mailbox in mailboxes { mailbox.advance(to: .stopping) }
  }

  /// Stops accepting, waits until every request that was read is replied to and its reply written, then
  /// closes everything and ends the threads.
  ///
  /// False when the deadline came first and requests were left without a reply. The handler must go
  /// on replying meanwhile. Once it has returned, replies are dropped. A second call returns the first one's outcome.
  public func drain(until deadline: MonotonicTime) -> Bool {
    let threads = ending.withLock { ending in
      defer { ending.threads = [] }
      return ending.threads
    }
    if threads.isEmpty { return ending.withLock { $0.outcome ?? false } }
    for mailbox in mailboxes { mailbox.advance(to: .draining) }
    var ended: [Int] = []
    while ended.count < threads.count, let some = reports.take(until: deadline), !some.isEmpty {
      ended += some
    }
    for mailbox in mailboxes { mailbox.advance(to: .ended) }
    for thread in threads { thread.join() }
    ended += reports.takeNow() ?? []
    let unanswered = ended.reduce(0, +)
    ending.withLock { $0.outcome = unanswered == 0 }
    return unanswered == 0
  }

  public var statistics: HTTPStatistics {
    var sum = HTTPStatistics()
    sum.connections = gate.count
    for counter in counters { counter.add(to: &sum) }
    return sum
  }
}
