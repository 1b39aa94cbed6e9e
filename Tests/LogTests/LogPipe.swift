import Foundation
import Threads

/// A pipe in place of standard output. Nothing is read until somebody asks.
final class LogPipe: Sendable {
  let readEnd: Int32
  let writeEnd: Int32

  init(isBlocking: Bool = true) {
    signal(SIGPIPE, SIG_IGN)
    var ends: [Int32] = [0, 0]
    precondition(pipe(&ends) == 0)
    (readEnd, writeEnd) = (ends[0], ends[1])
    if !isBlocking { precondition(fcntl(writeEnd, F_SETFL, O_NONBLOCK) == 0) }
  }

  /// Bytes that nobody reads, until not one more fits.
  func fill() {
    let flags = fcntl(writeEnd, F_GETFL)
    precondition(fcntl(writeEnd, F_SETFL, flags | O_NONBLOCK) == 0)
    let spaces = [UInt8](repeating: UInt8(ascii: "\n"), count: 4_096)
    while write(writeEnd, spaces, spaces.count) > 0 {}
    while write(writeEnd, spaces, 1) > 0 {}
    precondition(fcntl(writeEnd, F_SETFL, flags) == 0)
  }

  func closeWriteEnd() { close(writeEnd) }
  func closeReadEnd() { close(readEnd) }

  /// Reads lines until `isEnough` or the end; empty lines are left out. Gives up after 60 s.
  func lines(until isEnough: (String) -> Bool = { _ in false }) -> [String] {
    let deadline = MonotonicTime.after(ms: 60_000)
    var lines: [String] = []
    var rest: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while deadline.remainingMs > 0 {
      var waiting = pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0)
      guard poll(&waiting, 1, Int32(deadline.remainingMs)) > 0 else { continue }
      let count = read(readEnd, &chunk, chunk.count)
      if count <= 0 { break }
      rest += chunk[..<count]
      var parts = rest.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      rest = Array(parts.removeLast())
      for part in parts where !part.isEmpty {
        lines.append(String(decoding: part, as: UTF8.self))
        if isEnough(lines[lines.count - 1]) { return lines }
      }
    }
    if !rest.isEmpty { lines.append(String(decoding: rest, as: UTF8.self)) }
    return lines
  }
}
