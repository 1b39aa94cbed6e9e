import Glibc
import PostgresClient
import TestSupport
import Threads

/// Stands between a client and Postgres, passes everything on, and hangs up at COMMIT: after the server has answered
/// it, or without telling the server.
final class CommitProxy: Sendable {
  private let port: Int
  private let listener: Int32

  init(_ settings: PostgresSettings, passCommit: Bool) throws {
    let target = try LocalStack.shared([.postgres]).postgresPort
    let port = freePort()
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard Self.address(port, { [listener] in bind(listener, $0, $1) }) == 0,
      listen(listener, 1) == 0
    else { throw TestSupportError("the proxy cannot listen") }
    self.port = port
    let listener = listener
    _ = NamedThread("commit-proxy") {
      let client = accept(listener, nil, nil)
      let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      if client >= 0, Self.address(target, { connect(server, $0, $1) }) == 0 {
        Self.relay(client, server, passCommit: passCommit)
      }
      close(client)
      close(server)
    }
  }

  deinit { close(listener) }

  /// The settings' connection string by way of the proxy.
  func connection(_ settings: PostgresSettings) -> String {
    settings.connection + " host=127.0.0.1 port=\(port) sslmode=disable"
  }

  private static func relay(_ client: Int32, _ server: Int32, passCommit: Bool) {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      var both = [
        pollfd(fd: client, events: Int16(POLLIN), revents: 0),
        pollfd(fd: server, events: Int16(POLLIN), revents: 0),
      ]
      guard poll(&both, 2, 20_000) > 0 else { return }
      for (from, to) in [(0, 1), (1, 0)] where both[from].revents != 0 {
        let count = read(both[from].fd, &buffer, buffer.count)
        if count <= 0 { return }
        let isCommit =
          from == 0 && String(decoding: buffer[..<count], as: UTF8.self).contains("COMMIT\0")
        if isCommit && !passCommit { return }
        guard write(both[to].fd, buffer, count) == count else { return }
        if isCommit {
          _ = read(server, &buffer, buffer.count)  // its answer goes nowhere
          return
        }
      }
    }
  }

  private static func address(
    _ port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) -> Int32 {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    address.sin_port = in_port_t(port).bigEndian
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }
}
