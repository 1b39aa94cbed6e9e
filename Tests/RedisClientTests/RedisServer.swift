import Foundation
import RedisClient
import TestSupport
import Threads

/// A real redis-server of a test's own, with a Unix socket and a port, with options that the local stack's
/// has not. Call `end`.
final class RedisServer {
  let port = freePort()
  private let folder: String
  private let arguments: [String]
  private var process: Subprocess?

  /// `arguments` are added to the command line.
  init(_ arguments: [String] = []) throws {
    self.arguments = arguments
    folder = try temporaryDirectory("redis")
    try start()
  }

  func end() {
    kill()
    try? FileManager.default.removeItem(atPath: folder)
  }

  func endpoint(commandTimeoutMs: Int = 5_000) -> RedisEndpoint {
    RedisEndpoint(socket: folder + "/s", commandTimeoutMs: commandTimeoutMs)
  }

  func connect(scripts: [RedisScript] = []) throws -> RedisConnection {
    try RedisConnection(endpoint(), scripts: scripts)
  }

  /// Starts it, again after `kill` on the same port, and waits until it accepts.
  func start() throws {
    let process = try Subprocess(
      "redis-server",
      ["--port", "\(port)", "--bind", "127.0.0.1", "--unixsocket", folder + "/s", "--save", ""]
        + ["--dir", folder, "--enable-debug-command", "yes"] + arguments)
    self.process = process
    let deadline = MonotonicTime.after(ms: 10_000)
    while true {
      do {
        _ = try connect()
        return
      } catch {
        if (error as? RedisError)?.kind == .authentication { return }
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
    process?.signal(SIGKILL)
    _ = try? process?.wait(within: 10)
    process = nil
  }
}
