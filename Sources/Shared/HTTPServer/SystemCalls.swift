import CLinux
import Glibc

/// A system call that failed for a reason that is no everyday one.
struct SystemError: Error {
  let call: StaticString
  let code: Int32

  var text: String { "\(call): \(String(cString: strerror(code)))" }
}

/// What became of one read or write on a socket that never blocks.
enum Transfer {
  /// Bytes moved; 0 from a read is the end of the input.
  case moved(Int)
  case wouldBlock
  /// The connection is of no more use.
  case failed
}

/// The kernel's calls, wrapped once: EINTR tried again, errno made a value.
enum System {
  static func check(_ call: StaticString, _ body: () -> Int32) throws(SystemError) -> Int32 {
    while true {
      let result = body()
      if result >= 0 { return result }
      if errno != EINTR { throw SystemError(call: call, code: errno) }
    }
  }

  /// Descriptors are closed once and never tried again: on Linux they are gone even after EINTR.
  static func close(_ descriptor: Int32) { _ = Glibc.close(descriptor) }

  static func receive(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) -> Transfer {
    transfer { Glibc.recv(descriptor, buffer.baseAddress, buffer.count, 0) }
  }

  static func send(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Transfer {
    transfer { Glibc.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL)) }
  }

  static func shutdownWriting(_ descriptor: Int32) {
    _ = Glibc.shutdown(descriptor, Int32(SHUT_WR))  // fails only when the peer is gone already
  }

  /// Has the next close throw away what was not sent, with a reset, instead of holding it for a peer that
  /// does not read.
  static func abandonOutput(_ descriptor: Int32) {
    var now = linger(l_onoff: 1, l_linger: 0)
    let size = socklen_t(MemoryLayout<linger>.size)
    _ = setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, size)  // cannot fail on a socket
  }

  static func setOption(
    _ descriptor: Int32, _ level: Int32, _ option: Int32, _ value: Int32
  ) throws(SystemError) {
    var value = value
    _ = try check("setsockopt") {
      setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }
  }

  private static func transfer(_ body: () -> Int) -> Transfer {
    while true {
      let result = body()
      if result >= 0 { return .moved(result) }
      switch errno {
      case EINTR: continue
      case EAGAIN: return .wouldBlock
      default: return .failed
      }
    }
  }
}
