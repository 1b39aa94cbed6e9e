import Foundation
import RedisClient
import Testing
import Threads

/// A real redis-server of a test's own, with a Unix socket and a port. Call `end`.
final class RedisServer {
  let folder: URL
  let port: Int
  private let arguments: [String]
  private var process: Process?

  /// `arguments` are added to the command line.
  init(_ arguments: [String] = []) throws {
    self.arguments = arguments
    folder = FileManager.default.temporaryDirectory.appending(path: "redis-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    port = try freePort()
    try start()
  }

  func end() {
    kill()
    try? FileManager.default.removeItem(at: folder)
  }

  var socket: String { folder.appending(path: "s").path }

  func endpoint(commandTimeoutMs: Int = 5_000) -> RedisEndpoint {
    RedisEndpoint(socket: socket, commandTimeoutMs: commandTimeoutMs)
  }

  func connect(scripts: [RedisScript] = []) throws -> RedisConnection {
    try RedisConnection(endpoint(), scripts: scripts)
  }

  /// Starts it, again after `kill` on the same port, and waits until it accepts.
  func start() throws {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/redis-server")
    process.arguments =
      ["--port", "\(port)", "--bind", "127.0.0.1", "--unixsocket", socket, "--save", ""]
      + ["--dir", folder.path, "--enable-debug-command", "yes"] + arguments
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    self.process = process
    let deadline = MonotonicTime.after(ms: 10_000)
    while true {
      do {
        _ = try connect()
        return
      } catch let error as RedisError {
        if error.kind == .authentication { return }
        if deadline < .now || !process.isRunning {
          end()
          throw error
        }
        usleep(5_000)
      }
    }
  }

  /// SIGKILL: nothing is said to the clients.
  func kill() {
    guard let process else { return }
    Foundation.kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    self.process = nil
  }
}

/// A port that nobody listens on, below those that the kernel gives out.
private func freePort() throws -> Int {
  for _ in 0..<100 {
    let port = Int.random(in: 20_000..<32_000)
    let descriptor = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    if bound == 0 { return port }
  }
  throw CocoaError(.fileNoSuchFile)
}
