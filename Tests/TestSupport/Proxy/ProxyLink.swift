import CLinux
import Glibc
import Threads

/// What a link works with for one turn of the loop.
struct ProxyTurn {
  let now: MonotonicTime
  var orders: ProxyOrders
  var counters: RedirectingProxy.Counters
  var buffer: [UInt8]
  /// How often the fault of replies befell a connection in this turn.
  var claims = 0

  /// Whether the fault of replies may befall one more connection, which it then does.
  mutating func claim() -> Bool {
    guard let left = orders.replyFault?.left, left > 0 else { return false }
    orders.replyFault?.left = left - 1
    claims += 1
    return true
  }
}

/// Two connected sockets and what was read from each but not yet written to the other.
final class ProxyLink {
  private(set) var isOver = false
  private let client: Int32
  private let server: Int32
  private var flows = BothWays(ProxyFlow())
  /// The server's side is closed, the client's is not told.
  private var isHalfOpen = false
  /// Replies are dropped until the reset.
  private var loss: Loss?
  /// Of the fault whose bytes are counted, and those.
  private var cutVersion = 0
  private var passedOfCut = 0

  private struct Loss {
    let afterBytes, quietMs, version: Int
    var bytes = 0
    var lastAt: MonotonicTime
  }

  init(client: Int32, server: Int32) {
    (self.client, self.server) = (client, server)
    var yes: Int32 = 1
    for descriptor in [client, server] {
      // Fails on a Unix socket, which has no such delay.
      setsockopt(
        descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
    }
  }

  /// What to wait for at the client's socket and at the server's.
  func polled(_ orders: ProxyOrders, at now: MonotonicTime) -> [pollfd] {
    // A client that went away is noticed without reading.
    if isHalfOpen {
      return [
        pollfd(fd: client, events: pollHangUp, revents: 0),
        pollfd(fd: -1, events: 0, revents: 0),
      ]
    }
    return [polled(from: .toServer, orders, now), polled(from: .toClient, orders, now)]
  }

  private func polled(
    from way: RedirectingProxy.Way, _ orders: ProxyOrders, _ now: MonotonicTime
  ) -> pollfd {
    let back = way.opposite
    let mayWrite = !flows[back].sendable(orders.shapes[back], at: now).isEmpty
    let events = (flows[way].room > 0 ? Int16(POLLIN) : 0) | (mayWrite ? Int16(POLLOUT) : 0)
    // Passed over when there is nothing to do: a broken socket would be reported without end.
    let isIdle = events == 0 && flows[way].ending != nil
    return pollfd(fd: isIdle ? -1 : source(way), events: events, revents: 0)
  }

  /// When there is something to do though no socket says so.
  func due(_ orders: ProxyOrders, at now: MonotonicTime) -> MonotonicTime? {
    if isHalfOpen { return nil }
    var times: [MonotonicTime] = []
    if let loss {
      if isCalledOff(loss, orders) { return now }
      if loss.bytes >= loss.afterBytes { times.append(loss.lastAt.adding(ms: loss.quietMs)) }
    }
    for way in RedirectingProxy.Way.allCases {
      let shape = orders.shapes[way]
      // Bytes that are due wait for their socket.
      if let due = flows[way].due(shape), flows[way].sendable(shape, at: now).isEmpty {
        times.append(due)
      }
    }
    return times.min()
  }

  /// Reads and writes what goes without waiting, and ends what is to end.
  func advance(_ client: Int16, _ server: Int16, _ turn: inout ProxyTurn) {
    if isHalfOpen {
      if client != 0 { finish(.end, &turn) }
      return
    }
    read(.toServer, client, &turn)
    read(.toClient, server, &turn)
    for way in RedirectingProxy.Way.allCases where !isOver { write(way, &turn) }
    if !isOver { endWhatIsDue(&turn) }
  }

  // MARK: Ends

  /// Closes both sides.
  func finish(_ ending: RedirectingProxy.Ending, _ turn: inout ProxyTurn) {
    guard !isOver else { return }
    isOver = true
    dropAll(&turn)
    for descriptor in isHalfOpen ? [client] : [client, server] {
      ending == .reset ? closeWithReset(descriptor) : closeWithEnd(descriptor)
    }
  }

  /// Closes the server's side and says nothing to the client.
  func leaveClientOpen(_ turn: inout ProxyTurn) {
    guard !isHalfOpen, !isOver else { return }
    isHalfOpen = true
    dropAll(&turn)
    closeWithEnd(server)
    turn.counters.halfOpened += 1
  }

  /// What waits unread while all is held.
  func countUnread(_ counters: inout RedirectingProxy.Counters) {
    counters.heldBack.toServer += unreadBytes(client)
    if !isHalfOpen { counters.heldBack.toClient += unreadBytes(server) }
  }

  func addWaiting(to waiting: inout BothWays<Int>) {
    for way in RedirectingProxy.Way.allCases { waiting[way] += flows[way].count }
  }

  private func dropAll(_ turn: inout ProxyTurn) {
    for way in RedirectingProxy.Way.allCases { turn.counters.dropped[way] += flows[way].drop() }
  }

  /// The end of one side ends both, once what came before it is written.
  private func endWhatIsDue(_ turn: inout ProxyTurn) {
    if let loss {
      let isWhole =
        loss.bytes >= loss.afterBytes && loss.lastAt.adding(ms: loss.quietMs) <= turn.now
      guard isWhole || isCalledOff(loss, turn.orders) || flows.toClient.ending != nil else {
        return
      }
      turn.counters.repliesLost += 1
      turn.counters.resets += 1
      return finishForClient(.reset, &turn)
    }
    for way in RedirectingProxy.Way.allCases {
      if let ending = flows[way].dueEnding(turn.orders.shapes[way], at: turn.now) {
        return finish(ending, &turn)
      }
    }
  }

  /// What is dropped is gone: without its fault the connection can only end.
  private func isCalledOff(_ loss: Loss, _ orders: ProxyOrders) -> Bool {
    orders.replyFault?.version != loss.version
  }

  /// The client sees this end; the server, which has done nothing wrong, a plain one.
  private func finishForClient(_ ending: RedirectingProxy.Ending, _ turn: inout ProxyTurn) {
    isOver = true
    dropAll(&turn)
    ending == .reset ? closeWithReset(client) : closeWithEnd(client)
    closeWithEnd(server)
  }

  // MARK: Bytes

  private func source(_ way: RedirectingProxy.Way) -> Int32 { way == .toServer ? client : server }

  private func read(_ way: RedirectingProxy.Way, _ events: Int16, _ turn: inout ProxyTurn) {
    guard events & ~Int16(POLLOUT) != 0, flows[way].ending == nil else { return }
    let room = min(flows[way].room, turn.buffer.count)
    // Nothing is read, so this is a socket that broke.
    guard room > 0 else { return flows[way].end(.reset, at: turn.now) }
    let count = recv(source(way), &turn.buffer, room, Int32(MSG_DONTWAIT))
    if count > 0 {
      take(turn.buffer[..<count], way, &turn)
    } else if count == 0 {
      flows[way].end(.end, at: turn.now)
    } else if !isMomentary(errno) {
      flows[way].end(.reset, at: turn.now)
    }
  }

  private func take(
    _ bytes: ArraySlice<UInt8>, _ way: RedirectingProxy.Way, _ turn: inout ProxyTurn
  ) {
    if way == .toClient, loses(&turn) {
      loss?.bytes += bytes.count
      loss?.lastAt = turn.now
      turn.counters.dropped.toClient += bytes.count
      return
    }
    if turn.orders.shapes[way].keepsBack { turn.counters.heldBack[way] += bytes.count }
    flows[way].append(bytes, at: turn.now)
  }

  /// Whether a reply that comes now is lost.
  private func loses(_ turn: inout ProxyTurn) -> Bool {
    if loss != nil { return true }
    guard let fault = turn.orders.replyFault, case .lose(let afterBytes, let quietMs) = fault.kind,
      turn.claim()
    else { return false }
    loss = Loss(
      afterBytes: afterBytes, quietMs: quietMs, version: fault.version, lastAt: turn.now)
    return true
  }

  private func write(_ way: RedirectingProxy.Way, _ turn: inout ProxyTurn) {
    let shape = turn.orders.shapes[way]
    // So that one link of slices doesn't keep the others and the orders waiting.
    for _ in 0..<1_024 {
      let bytes = flows[way].sendable(shape, at: turn.now)
      if bytes.isEmpty { return }
      let left = way == .toClient ? leftBeforeCut(turn.orders.replyFault) : nil
      let count = bytes.prefix(left ?? .max).withUnsafeBytes {
        send(source(way.opposite), $0.baseAddress, $0.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
      }
      guard count > 0 else {
        if !isMomentary(errno) { breakOff(way, &turn) }
        return
      }
      flows[way].sent(count, shape, at: turn.now)
      turn.counters.passed[way] += count
      if shape.sliceBytes != nil { turn.counters.slices[way] += 1 }
      if way == .toClient, left != nil { passedOfCut += count }
      if let left, left == count, cuts(&turn) { return }
    }
  }

  /// Bytes of replies until the connection is cut; nil when it isn't.
  private func leftBeforeCut(_ fault: ProxyReplyFault?) -> Int? {
    guard let fault, fault.left > 0, case .cut(let afterBytes, _) = fault.kind else { return nil }
    if cutVersion != fault.version { (cutVersion, passedOfCut) = (fault.version, 0) }
    return afterBytes - passedOfCut
  }

  private func cuts(_ turn: inout ProxyTurn) -> Bool {
    guard case .cut(_, let ending) = turn.orders.replyFault?.kind, turn.claim() else {
      return false
    }
    turn.counters.repliesCut += 1
    if ending == .reset { turn.counters.resets += 1 }
    finishForClient(ending, &turn)
    return true
  }

  /// Who is written to is gone: nothing more comes from there either.
  private func breakOff(_ way: RedirectingProxy.Way, _ turn: inout ProxyTurn) {
    turn.counters.dropped[way] += flows[way].drop()
    flows[way.opposite].end(.reset, at: turn.now)
  }
}

private let pollHangUp: Int16 = 0x2000  // POLLRDHUP, which needs _GNU_SOURCE

private func isMomentary(_ code: Int32) -> Bool { code == EAGAIN || code == EINTR }
