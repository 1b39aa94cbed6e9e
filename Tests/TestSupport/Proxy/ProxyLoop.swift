import CLinux
import Glibc
import Threads

/// The thread of a `RedirectingProxy`: all its sockets.
final class ProxyLoop {
  private let listener: Int32
  private let wake: Int32
  private let shared: Lock<ProxyOrders>
  private var links: [ProxyLink] = []
  /// The orders that are obeyed.
  private var seen: ProxyOrders
  private var counters = RedirectingProxy.Counters()
  private var buffer = [UInt8](repeating: 0, count: 65_536)

  init(listener: Int32, wake: Int32, orders: Lock<ProxyOrders>) {
    (self.listener, self.wake, shared) = (listener, wake, orders)
    seen = orders.withLock { $0 }
  }

  /// Until the proxy is ended.
  func run() {
    defer { close(listener) }
    while true {
      let orders = shared.withLock { $0 }
      withTurn(orders) { obey(&$0) }
      report(orders.version)
      if orders.isEnded { return }
      wait(orders)
    }
  }

  /// What concerns the connections that are there.
  private func obey(_ turn: inout ProxyTurn) {
    let orders = turn.orders
    if seen.mode == .holding, orders.mode != .holding {
      for link in links { link.countUnread(&turn.counters) }
    }
    if orders.halfOpens != seen.halfOpens {
      for link in links { link.leaveClientOpen(&turn) }
    }
    if orders.resets != seen.resets {
      turn.counters.resets += links.count
      end(.reset, &turn)
    }
    if orders.cuts != seen.cuts || orders.mode == .refusing || orders.isEnded {
      end(.end, &turn)
    }
    seen = orders
  }

  private func end(_ ending: RedirectingProxy.Ending, _ turn: inout ProxyTurn) {
    for link in links { link.finish(ending, &turn) }
    links = []
  }

  private func report(_ version: Int) {
    var counters = counters
    for link in links { link.addWaiting(to: &counters.waiting) }
    let count = links.count
    shared.withLock {
      $0.obeyed = version
      $0.connections = count
      $0.counters = counters
    }
  }

  /// Waits for something to do and does it.
  private func wait(_ orders: ProxyOrders) {
    let now = MonotonicTime.now
    let isHolding = orders.mode == .holding
    // A negative descriptor is passed over: an end of the connection, too, goes unnoticed while all is held.
    var polled = [
      pollfd(fd: wake, events: Int16(POLLIN), revents: 0),
      pollfd(fd: isHolding ? -1 : listener, events: Int16(POLLIN), revents: 0),
    ]
    var deadline: MonotonicTime?
    for link in isHolding ? [] : links {
      polled += link.polled(orders, at: now)
      if let due = link.due(orders, at: now) { deadline = min(deadline ?? due, due) }
    }
    let limitMs = deadline.map { Int32(min($0.remainingMs, 60_000)) } ?? -1
    guard poll(&polled, nfds_t(polled.count), limitMs) >= 0 else { return }
    if polled[0].revents != 0 {
      var count: eventfd_t = 0
      eventfd_read(wake, &count)
      return  // The orders may have changed: first look.
    }
    if isHolding { return }
    withTurn(orders) { turn in
      for (index, link) in links.enumerated() {
        link.advance(polled[2 + 2 * index].revents, polled[3 + 2 * index].revents, &turn)
      }
      links.removeAll(where: \.isOver)
      if polled[1].revents != 0 { accept(&turn) }
    }
  }

  private func withTurn(_ orders: ProxyOrders, _ body: (inout ProxyTurn) -> Void) {
    var turn = ProxyTurn(now: .now, orders: orders, counters: counters, buffer: [])
    swap(&turn.buffer, &buffer)
    body(&turn)
    swap(&turn.buffer, &buffer)
    counters = turn.counters
    guard turn.claims > 0, let version = orders.replyFault?.version else { return }
    shared.withLock {
      if $0.replyFault?.version == version { $0.replyFault?.left -= turn.claims }
    }
  }

  private func accept(_ turn: inout ProxyTurn) {
    let client = accept4(listener, nil, nil, Int32(SOCK_CLOEXEC.rawValue))
    guard client >= 0 else { return }
    guard turn.orders.mode == .passing, links.count < RedirectingProxy.connectionLimit,
      let server = turn.orders.target.connect()
    else {
      close(client)
      turn.counters.refused += 1
      return
    }
    links.append(ProxyLink(client: client, server: server))
    turn.counters.accepted += 1
  }
}
