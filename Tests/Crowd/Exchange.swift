import CLinux
import Glibc
import Threads

// DESIGN
// Only Exchange+multi.swift and Exchange+transfer.swift know of libcurl. One thread owns all of it: libcurl says
// which sockets it wants watched, epoll watches them, and only those that are ready cost anything. Easy handles,
// their header lines and the connections under them are used again and again. libcurl walks through the
// connections of a multi handle for every call, so each has a few dozen at most.

/// One call to make.
struct Outgoing: Sendable {
  let call: Call
  let user: String
  /// The Idempotency-Key of a POST, the request in the path of the others.
  let request: String?
  /// Which of the base addresses.
  let address: Int
  /// Given back with the reply.
  let ticket: Int
}

/// What came of it.
struct Incoming {
  let ticket: Int
  let call: Call
  let address: Int
  let sentNs: Int64
  let answeredNs: Int64
  /// 0 when there was no reply.
  let status: Int
  let body: [UInt8]
  /// 0 when there was no such header.
  let retryAfterS: Int
  /// Why there was no reply: `timeout`, `unreachable`, `cut`.
  let failure: String?
}

/// Many HTTP calls at once over kept connections. For one thread.
final class Exchange {
  private static let transfersPerMulti = 48

  private let epoll: Int32
  private var multis: [Multi] = []
  private var free: [Int] = []
  private var events: [epoll_event]
  private let paths: [[UInt8]]

  /// - Parameters:
  ///   - addresses: base addresses, `http://host:port`
  ///   - connections: calls in flight at most
  ///   - timeoutMs: of a whole call
  init(addresses: [String], activity: Int, connections: Int, timeoutMs: Int) {
    epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    precondition(epoll >= 0, "epoll_create1 failed: \(errno)")
    events = Array(repeating: epoll_event(), count: 256)
    paths = addresses.map { Array("\($0)/v1/activities/\(activity)/draws".utf8) }
    for first in stride(from: 0, to: connections, by: Self.transfersPerMulti) {
      multis.append(
        Multi(
          number: multis.count, epoll: epoll,
          transfers: min(Self.transfersPerMulti, connections - first),
          addresses: addresses.count, timeoutMs: timeoutMs))
    }
    free = Array((0..<connections).reversed())
  }

  deinit {
    multis = []  // closes its sockets while epoll still knows them
    close(epoll)
  }

  /// How many more calls fit.
  var idle: Int { free.count }

  /// Starts a call; at least one must be idle.
  func send(_ outgoing: Outgoing) {
    let number = free.removeLast()
    let (multi, transfer) = number.quotientAndRemainder(dividingBy: Self.transfersPerMulti)
    multis[multi].send(outgoing, path: paths[outgoing.address], transfer: transfer)
  }

  /// Waits up to `timeoutMs` for something to happen and hands over every call that ended.
  func poll(timeoutMs: Int, _ handle: (Incoming) -> Void) {
    var waitMs = timeoutMs
    for case let due? in multis.lazy.map(\.timerNs) {
      waitMs = min(waitMs, MonotonicTime(nanoseconds: due).remainingMs)
    }
    let count = epoll_wait(epoll, &events, Int32(events.count), Int32(waitMs))
    for event in events.prefix(max(0, Int(count))) {
      let (multi, socket) = Multi.split(event.data.u64)
      multis[multi].act(on: socket, event.events)
    }
    let nowNs = MonotonicTime.now.nanoseconds
    for multi in multis {
      multi.fireTimer(nowNs)
      multi.collect { transfer, incoming in
        free.append(multi.number * Self.transfersPerMulti + transfer)
        handle(incoming)
      }
    }
  }
}
