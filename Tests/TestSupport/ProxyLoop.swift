import CLinux
import Glibc
import Threads

/// The thread of a `RedirectingProxy`: all its sockets.
final class ProxyLoop {
  private let listener: Int32
  private let wake: Int32
  private let orders: Lock<RedirectingProxy.Orders>
  private var links: [ProxyLink] = []
  private var cutsSeen = 0
  private var buffer = [UInt8](repeating: 0, count: 65_536)

  init(listener: Int32, wake: Int32, orders: Lock<RedirectingProxy.Orders>) {
    (self.listener, self.wake, self.orders) = (listener, wake, orders)
  }

  /// Until the proxy is ended.
  func run() {
    defer { close(listener) }
    while true {
      let now = orders.withLock { $0 }
      if now.cuts != cutsSeen || now.mode == .refusing || now.isEnded { links = [] }
      cutsSeen = now.cuts
      report(now.version)
      if now.isEnded { return }
      turn(now)
    }
  }

  private func report(_ version: Int) {
    let count = links.count
    orders.withLock {
      $0.obeyed = version
      $0.connections = count
    }
  }

  /// Waits for something to do and does it.
  private func turn(_ now: RedirectingProxy.Orders) {
    let isHolding = now.mode == .holding
    // A negative descriptor is passed over: an end of the connection, too, goes unnoticed while all is held.
    var polled = [
      pollfd(fd: wake, events: Int16(POLLIN), revents: 0),
      pollfd(fd: isHolding ? -1 : listener, events: Int16(POLLIN), revents: 0),
    ]
    for link in links {
      for side in ProxyLink.Side.allCases {
        let descriptor = isHolding ? -1 : link.descriptor(side)
        polled.append(pollfd(fd: descriptor, events: link.events(side), revents: 0))
      }
    }
    guard poll(&polled, nfds_t(polled.count), -1) > 0 else { return }
    if polled[0].revents != 0 {
      var count: eventfd_t = 0
      eventfd_read(wake, &count)
      return  // The orders may have changed: first look.
    }
    for (index, link) in links.enumerated() {
      for (offset, side) in ProxyLink.Side.allCases.enumerated()
      where polled[2 + 2 * index + offset].revents != 0 {
        link.move(side, &buffer)
      }
    }
    links.removeAll { $0.isOver }
    if polled[1].revents != 0 { accept(now) }
  }

  private func accept(_ now: RedirectingProxy.Orders) {
    let client = Glibc.accept(listener, nil, nil)
    guard client >= 0 else { return }
    let server = tcpSocket()
    // Blocking, which on this machine is an answer at once: there, or refused.
    guard now.mode == .passing, links.count < RedirectingProxy.connectionLimit,
      withAddress(port: now.target, { connect(server, $0, $1) }) == 0
    else {
      close(client)
      close(server)
      return
    }
    links.append(ProxyLink(client: client, server: server))
  }
}

/// Two connected sockets and what was read from each but not yet written to the other; closed with this object.
final class ProxyLink {
  enum Side: CaseIterable { case client, server }

  private(set) var isOver = false
  private let client: Int32
  private let server: Int32
  private var toClient: [UInt8] = []
  private var toServer: [UInt8] = []

  init(client: Int32, server: Int32) {
    (self.client, self.server) = (client, server)
    var yes: Int32 = 1
    for descriptor in [client, server] {
      setsockopt(
        descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
    }
  }

  deinit {
    close(client)
    close(server)
  }

  func descriptor(_ side: Side) -> Int32 { side == .client ? client : server }

  /// A side is read only when what came from it before is written: that bounds the memory.
  func events(_ side: Side) -> Int16 {
    let (from, to) = side == .client ? (toServer, toClient) : (toClient, toServer)
    return (from.isEmpty ? Int16(POLLIN) : 0) | (to.isEmpty ? 0 : Int16(POLLOUT))
  }

  /// Reads and writes what goes without waiting. An end or an error of one side ends both.
  func move(_ side: Side, _ buffer: inout [UInt8]) {
    switch side {
    case .client:
      write(&toClient, to: client)
      read(from: client, &toServer, &buffer)
      write(&toServer, to: server)
    case .server:
      write(&toServer, to: server)
      read(from: server, &toClient, &buffer)
      write(&toClient, to: client)
    }
  }

  private func read(from descriptor: Int32, _ pending: inout [UInt8], _ buffer: inout [UInt8]) {
    guard pending.isEmpty, !isOver else { return }
    let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
    if count > 0 {
      pending = Array(buffer[..<count])
    } else if count == 0 || !isMomentary(errno) {
      isOver = true
    }
  }

  private func write(_ pending: inout [UInt8], to descriptor: Int32) {
    guard !pending.isEmpty, !isOver else { return }
    let flags = Int32(MSG_DONTWAIT | MSG_NOSIGNAL)
    let count = send(descriptor, pending, pending.count, flags)
    if count > 0 {
      pending.removeFirst(count)
    } else if !isMomentary(errno) {
      isOver = true
    }
  }

  private func isMomentary(_ code: Int32) -> Bool { code == EAGAIN || code == EINTR }
}
