import CLinux
import Glibc
import Threads

// DESIGN
// One thread owns all sockets. Orders (redirect, hold, …) change the value in a lock and wake the thread, and
// return when it has obeyed: after `hold` not one byte more passes, after `cut` every connection is closed. What
// waits to go on is a value (ProxyFlow) that decides when; the thread waits for sockets and for the earliest of those.

/// A TCP address that stays while the server behind it changes, and a network that a test can break.
///
/// Accepts on a port of its own and passes everything on to the target of the moment, both ways, up to
/// `connectionLimit` connections at a time; more are closed at once. Ends with `end()` or with this object.
public final class RedirectingProxy: Sendable {
  /// More connections than this at a time are closed as they come.
  public static let connectionLimit = 256

  /// Where it accepts.
  public let port: Int
  private let orders: Lock<ProxyOrders>
  private let wake: Int32
  private let thread: NamedThread

  /// Passes on to `target`, a port of 127.0.0.1. Listens on `host` (any 127.x.y.z) and `port`, or on a free one.
  public convenience init(to target: Int, host: String = "127.0.0.1", port: Int? = nil) throws {
    try self.init(.port(target), host, port)
  }

  /// Passes on to the Unix socket at this path, of at most 107 bytes.
  public convenience init(
    toSocket path: String, host: String = "127.0.0.1", port: Int? = nil
  ) throws {
    guard path.utf8.count <= socketPathLimit else {
      throw TestSupportError("too long for the path of a socket: \(path)")
    }
    try self.init(.socket(path), host, port)
  }

  private init(_ target: ProxyTarget, _ host: String, _ port: Int?) throws {
    let port = port ?? freePort()
    let listener = tcpSocket()
    var yes: Int32 = 1
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    guard withAddress(host, port: port, { bind(listener, $0, $1) }) == 0,
      listen(listener, Int32(Self.connectionLimit)) == 0
    else {
      let reason = String(cString: strerror(errno))
      close(listener)
      throw TestSupportError("cannot listen on \(host):\(port): \(reason)")
    }
    let wake = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
    guard wake >= 0 else {
      close(listener)
      throw TestSupportError("eventfd: \(String(cString: strerror(errno)))")
    }
    let orders = Lock(ProxyOrders(target: target))
    (self.port, self.wake, self.orders) = (port, wake, orders)
    thread = NamedThread("proxy-\(port)") {
      ProxyLoop(listener: listener, wake: wake, orders: orders).run()
    }
  }

  deinit { end() }

  /// Connections that pass through it now.
  public var connections: Int { orders.withLock { $0.connections } }

  /// What has really happened to bytes and connections, until now.
  public var counters: Counters {
    // An empty order: once it is obeyed, all that anyone could see before it is counted.
    order { _ in }
    return orders.withLock { $0.counters }
  }

  /// New connections go to this port of 127.0.0.1; those that are there stay with the old one.
  public func redirect(to target: Int) { order { $0.target = .port(target) } }

  /// Closes all connections, whose clients may connect again.
  public func cut() { order { $0.cuts += 1 } }

  /// Silence: no byte passes, nobody is told, until `pass`. Then what was held goes on, late.
  public func hold() { order { $0.mode = .holding } }

  /// Closes all connections, and new ones as they come, until `pass`.
  public func refuse() { order { $0.mode = .refusing } }

  /// Ends every fault that lasts: `hold`, `refuse`, `delay`, `slice`, `loseReplies`, `cutReplies`.
  public func pass() {
    order {
      $0.mode = .passing
      $0.shapes = BothWays(ProxyShape())
      $0.replyFault = nil
    }
  }

  /// Closes everything. May be called twice.
  public func end() {
    let isFirst = orders.withLock { orders in
      defer { orders.isEnded = true }
      return !orders.isEnded
    }
    guard isFirst else { return }
    eventfd_write(wake, 1)
    thread.join()
    close(wake)
  }

  func order(_ change: (inout ProxyOrders) -> Void) {
    let version = orders.withLock { orders -> Int? in
      if orders.isEnded { return nil }
      change(&orders)
      orders.version += 1
      eventfd_write(wake, 1)
      return orders.version
    }
    guard let version else { return }
    let isObeyed = eventually(everyMs: 1) { orders.withLock { $0.obeyed >= version } }
    precondition(isObeyed, "the proxy's thread stands still")
  }
}
