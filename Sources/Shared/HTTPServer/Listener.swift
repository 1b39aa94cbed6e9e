import CLinux
import Glibc
import Synchronization

/// Why a server could not be started.
public struct HTTPServerError: Error, CustomStringConvertible {
  public let description: String
}

/// The listening socket, closed when the last loop has left it.
final class Listener: Sendable {
  let descriptor: Int32
  let port: UInt16
  private let users: Atomic<Int>

  /// Binds to the first address of `host` (a name, IPv4 or IPv6) that works.
  ///
  /// Each of the `users` calls `leave` once.
  init(host: String, port: UInt16, users: Int) throws(HTTPServerError) {
    self.users = Atomic(users)
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
    var found: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(host, String(port), &hints, &found)
    guard status == 0, let found else {
      throw HTTPServerError(description: "host \(host): \(String(cString: gai_strerror(status)))")
    }
    defer { freeaddrinfo(found) }
    var last = SystemError(call: "getaddrinfo", code: EADDRNOTAVAIL)
    var candidate: UnsafeMutablePointer<addrinfo>? = found
    while let address = candidate {
      do throws(SystemError) {
        descriptor = try Self.bound(to: address.pointee)
        self.port = Self.port(of: descriptor)
        return
      } catch {
        last = error
      }
      candidate = address.pointee.ai_next
    }
    throw HTTPServerError(description: "cannot listen on \(host) port \(port): \(last.text)")
  }

  /// The caller uses the descriptor no more.
  func leave() {
    if users.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 {
      System.close(descriptor)
    }
  }

  private static func bound(to address: addrinfo) throws(SystemError) -> Int32 {
    let socket = try System.check("socket") {
      Glibc.socket(
        address.ai_family,
        Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
    }
    do throws(SystemError) {
      try System.setOption(socket, SOL_SOCKET, SO_REUSEADDR, 1)
      _ = try System.check("bind") { Glibc.bind(socket, address.ai_addr, address.ai_addrlen) }
      _ = try System.check("listen") { Glibc.listen(socket, 4_096) }
      return socket
    } catch {
      System.close(socket)
      throw error
    }
  }

  private static func port(of socket: Int32) -> UInt16 {
    var storage = sockaddr_storage()
    return withUnsafeMutablePointer(to: &storage) { pointer in
      var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
      let status = pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        getsockname(socket, $0, &length)
      }
      precondition(status == 0, "getsockname failed: \(errno)")
      // The port lies at the same place for both families.
      return pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
        UInt16(bigEndian: $0.pointee.sin_port)
      }
    }
  }
}

/// Takes newcomers from the listener. Keeps one descriptor in reserve: when the process has run out of
/// them, it is given up for a moment to take the newcomer off the queue and close it; the queue would
/// otherwise stay ready and the loop would spin.
struct Acceptor: ~Copyable {
  enum Newcomer {
    case socket(Int32)
    /// Nobody waits.
    case none
    /// One was lost before or while it was taken.
    case failed
    /// No descriptor is left, not even the reserve: leave the listener alone for a while.
    case exhausted
  }

  private var spare: Int32 = Acceptor.openSpare()

  deinit { if spare >= 0 { System.close(spare) } }

  mutating func next(_ listener: Listener) -> Newcomer {
    do throws(SystemError) {
      return .socket(try Self.accept(listener))
    } catch {
      switch error.code {
      case EAGAIN: return .none
      case EMFILE, ENFILE:
        return shed(listener) ? .failed : .exhausted
      default: return .failed  // ECONNABORTED, and network errors of the newcomer itself
      }
    }
  }

  /// False if there was no descriptor to do it with.
  private mutating func shed(_ listener: Listener) -> Bool {
    if spare >= 0 { System.close(spare) }
    let socket = try? Self.accept(listener)
    if let socket { System.close(socket) }
    spare = Self.openSpare()
    return socket != nil
  }

  private static func accept(_ listener: Listener) throws(SystemError) -> Int32 {
    try System.check("accept4") {
      accept4(
        listener.descriptor, nil, nil, Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue))
    }
  }

  private static func openSpare() -> Int32 { open("/dev/null", O_RDONLY | O_CLOEXEC) }
}
