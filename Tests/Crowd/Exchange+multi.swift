import CCurl
import CLinux
import Glibc
import Threads

/// One multi handle of libcurl with its easy handles, driven by somebody else's epoll.
final class Multi {
  let number: Int
  /// When libcurl wants to be called without a socket being ready.
  private(set) var timerNs: Int64?
  private let handle: UnsafeMutableRawPointer
  private let epoll: Int32
  private let transfers: [Transfer]
  private var isTouched = false

  private static let isInitialized: Bool = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

  init(number: Int, epoll: Int32, transfers: Int, addresses: Int, timeoutMs: Int) {
    precondition(Self.isInitialized)
    self.number = number
    self.epoll = epoll
    handle = curl_multi_init()!
    self.transfers = (0..<transfers).map { Transfer(number: $0, timeoutMs: timeoutMs) }
    // A connection to each address for every transfer: none is closed to make room for another.
    multi_set_long(handle, CURLMOPT_MAXCONNECTS, transfers * addresses + 16)
    multi_set_long(handle, CURLMOPT_PIPELINING, 0)
    // Not retained: libcurl's pointers to us end with `handle`.
    let me = Unmanaged.passUnretained(self).toOpaque()
    multi_set_pointer(handle, CURLMOPT_SOCKETDATA, me)
    multi_set_pointer(handle, CURLMOPT_TIMERDATA, me)
    multi_set_socket(handle) { _, socket, what, me, watched in
      Unmanaged<Multi>.fromOpaque(me!).takeUnretainedValue()
        .watch(socket, what, isKnown: watched != nil)
      return 0
    }
    multi_set_timer(handle) { _, ms, me in
      Unmanaged<Multi>.fromOpaque(me!).takeUnretainedValue().setTimer(ms)
      return 0
    }
  }

  deinit {
    for transfer in transfers { transfer.end(handle) }
    curl_multi_cleanup(handle)
  }

  func send(_ outgoing: Outgoing, path: [UInt8], transfer number: Int) {
    transfers[number].prepare(outgoing, path: path)
    curl_multi_add_handle(handle, transfers[number].easy)
  }

  /// What epoll said about one of our sockets.
  func act(on socket: Int32, _ events: UInt32) {
    var mask: Int32 = 0
    if events & EPOLLIN.rawValue != 0 { mask |= CURL_CSELECT_IN }
    if events & EPOLLOUT.rawValue != 0 { mask |= CURL_CSELECT_OUT }
    if events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 { mask |= CURL_CSELECT_ERR }
    drive(socket, mask)
  }

  func fireTimer(_ nowNs: Int64) {
    guard let due = timerNs, due <= nowNs else { return }
    timerNs = nil
    drive(-1, 0)  // CURL_SOCKET_TIMEOUT
  }

  /// Hands over, with the transfer's number, each call that ended.
  func collect(_ take: (Int, Incoming) -> Void) {
    guard isTouched else { return }
    isTouched = false
    var left: Int32 = 0
    while let message = curl_multi_info_read(handle, &left) {
      guard message.pointee.msg == CURLMSG_DONE else { continue }
      let result = message.pointee.data.result
      let transfer = transfers[Transfer.number(of: message.pointee.easy_handle)]
      let incoming = transfer.incoming(result)
      curl_multi_remove_handle(handle, transfer.easy)
      take(transfer.number, incoming)
    }
  }

  private func drive(_ socket: curl_socket_t, _ mask: Int32) {
    var running: Int32 = 0
    curl_multi_socket_action(handle, socket, mask, &running)
    isTouched = true
  }

  private func watch(_ socket: curl_socket_t, _ what: Int32, isKnown: Bool) {
    if what == CURL_POLL_REMOVE {
      epoll_ctl(epoll, EPOLL_CTL_DEL, socket, nil)
      return
    }
    var event = epoll_event()
    event.data.u64 = UInt64(number) << 32 | UInt64(socket)
    if what & CURL_POLL_IN != 0 { event.events |= EPOLLIN.rawValue }
    if what & CURL_POLL_OUT != 0 { event.events |= EPOLLOUT.rawValue }
    let status = epoll_ctl(epoll, isKnown ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, socket, &event)
    precondition(status == 0, "epoll_ctl failed: \(errno)")
    if !isKnown { curl_multi_assign(handle, socket, Unmanaged.passUnretained(self).toOpaque()) }
  }

  /// The multi handle's number and the socket out of an event's data.
  static func split(_ data: UInt64) -> (multi: Int, socket: Int32) {
    (Int(data >> 32), Int32(truncatingIfNeeded: data))
  }

  private func setTimer(_ ms: Int) {
    timerNs = ms < 0 ? nil : MonotonicTime.after(ms: ms).nanoseconds
  }
}
