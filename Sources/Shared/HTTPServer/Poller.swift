import CLinux
import Glibc

/// An epoll instance. Sockets are added once, with edges for both directions, and are forgotten when they
/// are closed: no `epoll_ctl` per request.
final class Poller: Sendable {
  struct Event {
    let key: UInt64
    let flags: UInt32

    /// The peer will send no more, though it may still read.
    var isHangup: Bool { flags & EPOLLRDHUP.rawValue != 0 }
    /// A reset or another error.
    var isBroken: Bool { flags & EPOLLERR.rawValue != 0 }
    /// Both directions are shut down.
    var isShut: Bool { flags & EPOLLHUP.rawValue != 0 }
    var isReadable: Bool { flags & (EPOLLIN.rawValue | EPOLLRDHUP.rawValue) != 0 }
    var isWritable: Bool { flags & EPOLLOUT.rawValue != 0 }
  }

  private let descriptor: Int32

  init() throws(SystemError) {
    descriptor = try System.check("epoll_create1") { epoll_create1(Int32(EPOLL_CLOEXEC)) }
  }

  deinit { System.close(descriptor) }

  func addConnection(_ socket: Int32, key: UInt64) throws(SystemError) {
    let both = EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue
    try add(socket, flags: both | EPOLLET.rawValue, key: key)
  }

  /// By level, so that what one turn does not accept comes again; one loop is woken per newcomer.
  func addListener(_ socket: Int32, key: UInt64) throws(SystemError) {
    try add(socket, flags: EPOLLIN.rawValue | EPOLLEXCLUSIVE.rawValue, key: key)
  }

  /// By edge: each write to the eventfd wakes, and nobody has to read it.
  func addWake(_ eventDescriptor: Int32, key: UInt64) throws(SystemError) {
    try add(eventDescriptor, flags: EPOLLIN.rawValue | EPOLLET.rawValue, key: key)
  }

  func remove(_ socket: Int32) {
    _ = epoll_ctl(descriptor, EPOLL_CTL_DEL, socket, nil)
  }

  /// Waits up to `timeoutMs` (-1: for ever) and returns how many of `events` were filled.
  ///
  /// A wait that was interrupted, as by a stop of the process, ends with what is there.
  func wait(_ events: UnsafeMutableBufferPointer<epoll_event>, timeoutMs: Int32) -> Int {
    var limitMs = timeoutMs
    while true {
      let count = epoll_wait(descriptor, events.baseAddress, Int32(events.count), limitMs)
      if count >= 0 { return Int(count) }
      precondition(errno == EINTR, "epoll_wait failed: \(errno)")
      limitMs = 0
    }
  }

  private func add(_ socket: Int32, flags: UInt32, key: UInt64) throws(SystemError) {
    var event = epoll_event(events: flags, data: epoll_data_t(u64: key))
    _ = try System.check("epoll_ctl") { epoll_ctl(descriptor, EPOLL_CTL_ADD, socket, &event) }
  }
}

extension Poller.Event {
  init(_ event: epoll_event) { self.init(key: event.data.u64, flags: event.events) }
}
