import CCurl
import CLinux
import Glibc
import Threads

// DESIGN
// The only file (with Exchange+transfer.swift) that knows of libcurl. One thread owns all of it: libcurl says which
// sockets it wants watched, epoll watches them, and only those that are ready cost anything. Easy handles,
// their header lines and the connections under them are used again and again.

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
  private let multi: UnsafeMutableRawPointer
  private let epoll: Int32
  private var transfers: [Transfer] = []
  private var free: [Int] = []
  private var timerNs: Int64?
  private var events: [epoll_event]
  private let paths: [[UInt8]]

  /// - Parameters:
  ///   - addresses: base addresses, `http://host:port`
  ///   - connections: calls in flight at most
  ///   - timeoutMs: of a whole call
  init(addresses: [String], activity: Int, connections: Int, timeoutMs: Int) {
    precondition(curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK)
    multi = curl_multi_init()!
    epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    precondition(epoll >= 0, "epoll_create1 failed: \(errno)")
    events = Array(repeating: epoll_event(), count: 256)
    paths = addresses.map { Array("\($0)/v1/activities/\(activity)/draws".utf8) }
    transfers = (0..<connections).map { Transfer(number: $0, timeoutMs: timeoutMs) }
    free = Array((0..<connections).reversed())
    let me = Unmanaged.passUnretained(self).toOpaque()  // libcurl's pointers to us end with `multi`
    multi_set_long(multi, CURLMOPT_MAXCONNECTS, connections + 16)
    multi_set_long(multi, CURLMOPT_PIPELINING, 0)
    multi_set_pointer(multi, CURLMOPT_SOCKETDATA, me)
    multi_set_pointer(multi, CURLMOPT_TIMERDATA, me)
    multi_set_socket(multi) { _, socket, what, me, watched in
      Unmanaged<Exchange>.fromOpaque(me!).takeUnretainedValue()
        .watch(socket, what, isKnown: watched != nil)
      return 0
    }
    multi_set_timer(multi) { _, ms, me in
      Unmanaged<Exchange>.fromOpaque(me!).takeUnretainedValue().setTimer(ms)
      return 0
    }
  }

  deinit {
    for transfer in transfers { transfer.end(multi) }
    curl_multi_cleanup(multi)
    close(epoll)
  }

  /// How many more calls fit.
  var idle: Int { free.count }

  /// Starts a call; at least one must be idle.
  func send(_ outgoing: Outgoing) {
    let transfer = transfers[free.removeLast()]
    transfer.prepare(outgoing, path: paths[outgoing.address])
    curl_multi_add_handle(multi, transfer.easy)
  }

  /// Waits up to `timeoutMs` for something to happen and hands over every call that ended.
  func poll(timeoutMs: Int, _ handle: (Incoming) -> Void) {
    var running: Int32 = 0
    var waitMs = timeoutMs
    if let timerNs {
      waitMs = min(waitMs, MonotonicTime(nanoseconds: timerNs).remainingMs)
    }
    let count = epoll_wait(epoll, &events, Int32(events.count), Int32(waitMs))
    for index in 0..<max(0, Int(count)) {
      let event = events[index]
      var mask: Int32 = 0
      if event.events & EPOLLIN.rawValue != 0 { mask |= CURL_CSELECT_IN }
      if event.events & EPOLLOUT.rawValue != 0 { mask |= CURL_CSELECT_OUT }
      if event.events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 { mask |= CURL_CSELECT_ERR }
      curl_multi_socket_action(multi, event.data.fd, mask, &running)
    }
    if let due = timerNs, due <= MonotonicTime.now.nanoseconds {
      timerNs = nil
      curl_multi_socket_action(multi, curl_socket_t(-1), 0, &running)  // CURL_SOCKET_TIMEOUT
    }
    collect(handle)
  }

  private func collect(_ handle: (Incoming) -> Void) {
    var left: Int32 = 0
    while let message = curl_multi_info_read(multi, &left) {
      guard message.pointee.msg == CURLMSG_DONE else { continue }
      let result = message.pointee.data.result
      let transfer = transfers[Transfer.number(of: message.pointee.easy_handle)]
      let incoming = transfer.incoming(result)
      curl_multi_remove_handle(multi, transfer.easy)
      free.append(transfer.number)
      handle(incoming)
    }
  }

  private func watch(_ socket: curl_socket_t, _ what: Int32, isKnown: Bool) {
    if what == CURL_POLL_REMOVE {
      epoll_ctl(epoll, EPOLL_CTL_DEL, socket, nil)
      return
    }
    var event = epoll_event()
    event.data.fd = socket
    if what & CURL_POLL_IN != 0 { event.events |= EPOLLIN.rawValue }
    if what & CURL_POLL_OUT != 0 { event.events |= EPOLLOUT.rawValue }
    let status = epoll_ctl(epoll, isKnown ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, socket, &event)
    precondition(status == 0, "epoll_ctl failed: \(errno)")
    if !isKnown { curl_multi_assign(multi, socket, Unmanaged.passUnretained(self).toOpaque()) }
  }

  private func setTimer(_ ms: Int) {
    timerNs = ms < 0 ? nil : MonotonicTime.after(ms: ms).nanoseconds
  }
}
