import Foundation
import RedisClient
import TestSupport
import Threads

/// Not Redis: a listener on a Unix socket that plays one connection as a test wants it.
final class PlayedServer {
  private let folder: String
  private let listener: Int32
  private var thread: NamedThread?

  /// `play` gets the accepted descriptor, already past the client's opening PING.
  init(_ play: @escaping @Sendable (Int32) -> Void) throws {
    folder = try temporaryDirectory("played")
    let listener = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    self.listener = listener
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { path in
      path.copyBytes(from: Array((folder + "/s").utf8))
    }
    let status = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    precondition(status == 0 && listen(listener, 1) == 0)
    thread = NamedThread("played") {
      let client = accept(listener, nil, nil)
      guard client >= 0 else { return }
      var bytes = [UInt8](repeating: 0, count: 1_024)
      if read(client, &bytes, bytes.count) > 0 {
        send(client, "+PONG\r\n")
        play(client)
      }
      close(client)
    }
  }

  func end() {
    shutdown(listener, Int32(SHUT_RDWR))
    thread?.join()
    close(listener)
    try? FileManager.default.removeItem(atPath: folder)
  }

  func connect(commandTimeoutMs: Int) throws -> RedisConnection {
    try RedisConnection(
      RedisEndpoint(socket: folder + "/s", commandTimeoutMs: commandTimeoutMs))
  }
}

func send(_ descriptor: Int32, _ text: String) {
  let bytes = Array(text.utf8)
  _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
}
