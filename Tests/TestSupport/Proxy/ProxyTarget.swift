import Glibc

/// Where a proxy passes on to.
enum ProxyTarget: Sendable {
  /// Of 127.0.0.1.
  case port(Int)
  /// The path of a Unix socket.
  case socket(String)

  /// A socket that is connected or soon is; nil when the server is known not to be there. Never waits.
  func connect() -> Int32? {
    let kind = Int32(
      SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let descriptor: Int32
    let result: Int32
    switch self {
    case .port(let port):
      descriptor = Glibc.socket(AF_INET, kind, 0)
      result = withAddress(port: port) { Glibc.connect(descriptor, $0, $1) }
    case .socket(let path):
      descriptor = Glibc.socket(AF_UNIX, kind, 0)
      result = withSocketAddress(path) { Glibc.connect(descriptor, $0, $1) }
    }
    if descriptor >= 0, result == 0 || errno == EINPROGRESS { return descriptor }
    if descriptor >= 0 { close(descriptor) }
    return nil
  }
}

/// Bytes of a Unix socket's path, without the zero at its end.
let socketPathLimit = 107

private func withSocketAddress(
  _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
) -> Int32 {
  var address = sockaddr_un()
  address.sun_family = sa_family_t(AF_UNIX)
  withUnsafeMutableBytes(of: &address.sun_path) { room in
    room.copyBytes(from: path.utf8.prefix(socketPathLimit))
  }
  return withUnsafePointer(to: &address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
    }
  }
}

/// Closes with a segment that has RST set, whatever waits in either direction. A Unix socket is just closed.
func closeWithReset(_ descriptor: Int32) {
  var now = linger(l_onoff: 1, l_linger: 0)
  setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
  close(descriptor)
}

/// Closes so that the peer reads an end and no error, even if it has sent what nobody read.
func closeWithEnd(_ descriptor: Int32) {
  shutdown(descriptor, Int32(SHUT_WR))
  close(descriptor)
}

/// Bytes that the system has received and nobody has read.
func unreadBytes(_ descriptor: Int32) -> Int {
  var count: Int32 = 0
  return ioctl(descriptor, UInt(FIONREAD), &count) == 0 ? Int(count) : 0
}
