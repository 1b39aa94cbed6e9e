import CLinux
import Threads

// DESIGN
// One thread, one epoll instance, edges only: a socket is added once, and the loop remembers per connection
// whether there may be something to read. A turn is: wait, serve what is ready, tell the handler that
// the turn has ended, deliver the replies that other threads have posted, look at the deadlines four times
// a second. One request of a connection is in progress at a time; what the client sends meanwhile stays in
// the kernel, so that a client's memory here is bounded. Only values cross threads: a reply names its request by a
// serial number, and if nothing waits under that number any more it is dropped.

/// What a loop is made of; made by the server, so that a failure is the starter's to hear.
struct LoopParts: Sendable {
  let index: Int
  let listener: Listener
  let poller: Poller
  let mailbox: Mailbox
  let counters: Counters
  let gate: ConnectionGate
  let rules: ParserRules
  let handler: any HTTPHandler
  /// Gets, when the loop has ended, how many requests were left without a reply.
  let reports: Inbox<Int>
}

/// One loop, made and used on its own thread only.
final class EventLoop {
  static let listenerKey = UInt64.max
  static let wakeKey = UInt64.max - 1
  /// How often deadlines are looked at: they may be late by as much.
  static let scanIntervalMs = 250
  /// Requests of one connection, and reads of one that lingers, before the others have their turn.
  static let roundsPerTurn = 16

  let parts: LoopParts
  let limits: HTTPLimits
  let counters: Counters
  var slots: [Connection?] = []
  var freeSlots: [Int] = []
  var writer = ReplyWriter()
  var acceptor = Acceptor()
  var listener: Listener?
  var isListening = true
  var stage = LoopStage.running
  var now = MonotonicTime.now.nanoseconds
  private var arrivals = ArrivalClock(now: MonotonicTime.now.nanoseconds)
  /// The date of what this turn finds.
  var arrival = MonotonicTime.now
  /// Connections taken so far.
  var lastAdmitted = 0
  var lastSerial: UInt64 = 0
  var handedOver = false
  var unfinished: [Connection] = []
  let receiveBuffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 16_384)
  private let events = UnsafeMutableBufferPointer<epoll_event>.allocate(capacity: 512)
  private var nextScan: Int64 = 0

  init(_ parts: LoopParts) {
    self.parts = parts
    limits = parts.rules.limits
    counters = parts.counters
    listener = parts.listener
    receiveBuffer.initialize(repeating: 0)
    events.initialize(repeating: epoll_event())
  }

  deinit {
    receiveBuffer.deallocate()
    events.deallocate()
  }

  func run() {
    while stage < .ended {
      waitForEvents()
      resumeUnfinished()
      endTurn()
      deliverMail()
      endTurn()
      scanDeadlines()
      endTurn()
      if stage == .draining, isDrained { stage = .ended }
    }
    parts.mailbox.advance(to: .ended)
    let offer = parts.reports.offer(closeAll())
    precondition(offer == .accepted)
  }

  private func waitForEvents() {
    let sleeps = unfinished.isEmpty && parts.mailbox.fallAsleep(knowing: stage)
    let count = parts.poller.wait(events, timeoutMs: sleeps ? sleepMs() : 0)
    if sleeps { parts.mailbox.awake() }
    now = MonotonicTime.now.nanoseconds
    arrival = arrivals.turn(at: now)
    let admitted = lastAdmitted
    for index in 0..<count {
      let event = Poller.Event(events[index])
      switch event.key {
      case Self.listenerKey: acceptNewcomers()
      case Self.wakeKey: break
      default: serve(event)
      }
    }
    arrivals.ended(hasMore: count == events.count || admitted != lastAdmitted)
  }

  private func sleepMs() -> Int32 {
    Int32(max(1, min(Int64(Self.scanIntervalMs), (nextScan - now) / 1_000_000 + 1)))
  }

  private func serve(_ event: Poller.Event) {
    // The key is the slot. Nothing but its own event closes a connection while a batch of events is
    // served, and a closed socket has no further events, so this is never a successor's.
    guard let connection = slots[Int(event.key)] else { return }
    // Shut by both sides is how a lingering connection ends, once its input has been read.
    if event.isBroken || (event.isShut && connection.phase != .lingering) {
      return drop(connection)
    }
    if event.isReadable {
      let completes = connection.phase == .reading && !connection.mayRead
      if completes || connection.cameAt == nil { connection.cameAt = arrival }
      connection.mayRead = true
    }
    if event.isHangup { connection.sawHangup = true }
    if event.isWritable, !connection.output.isEmpty { flush(connection) }
    advance(connection)
  }

  private func resumeUnfinished() {
    if unfinished.isEmpty { return }
    var batch: [Connection] = []
    swap(&batch, &unfinished)
    for connection in batch {
      connection.isQueued = false
      advance(connection)
    }
  }

  private func endTurn() {
    guard handedOver else { return }
    handedOver = false
    parts.handler.turnEnded(loop: parts.index)
  }

  private func deliverMail() {
    let mail = parts.mailbox.take()
    for batch in mail.batches {
      for (token, reply) in batch { deliver(reply, to: token) }
    }
    if mail.stage > stage { enter(mail.stage) }
  }

  private func deliver(_ reply: HTTPReply, to token: ReplyToken) {
    let slot = Int(token.slot)
    guard slots.indices.contains(slot), let connection = slots[slot],
      connection.awaited == token.serial
    else { return counters.staleReplies.add() }
    answer(connection, reply)
    advance(connection)
  }

  private func scanDeadlines() {
    if now < nextScan { return }
    nextScan = now + Int64(Self.scanIntervalMs) * 1_000_000
    if let listener, !isListening { listen(listener) }
    for case let connection? in slots where connection.deadline <= now {
      expire(connection)
      advance(connection)
    }
  }

  private func enter(_ stage: LoopStage) {
    let isFirst = self.stage == .running
    self.stage = stage
    if isFirst, stage < .ended { stopListening() }
  }

  /// Nothing is owed to anybody, and no request has begun to come.
  private var isDrained: Bool {
    for case let connection? in slots where connection.isBusy { return false }
    return true
  }

  /// Returns how many requests got no reply.
  private func closeAll() -> Int {
    leaveListener()
    var unanswered = 0
    for case let connection? in slots {
      if connection.phase == .waiting || connection.phase == .writing { unanswered += 1 }
      close(connection)
    }
    return unanswered
  }
}
