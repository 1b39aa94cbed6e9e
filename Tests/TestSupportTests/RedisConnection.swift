import Glibc
import TestSupport
import Testing

/// A bare connection to a Redis, which shows what a socket's owner sees.
final class RedisConnection {
  private let descriptor = tcpSocket()

  /// What there is to see.
  enum Sight: Equatable {
    case bytes(String)
    /// The peer's FIN, and its RST.
    case end, reset
    /// Nothing in that time.
    case silence
  }

  init(_ port: Int) {
    #expect(withAddress(port: port) { connect(descriptor, $0, $1) } == 0)
  }

  deinit { close(descriptor) }

  func name() -> String? {
    ask()
    return answer()
  }

  func ask(_ command: String = "GET name") {
    let line = Array((command + "\r\n").utf8)
    _ = send(descriptor, line, line.count, Int32(MSG_NOSIGNAL))
  }

  /// The last line of what comes; nil at the end of the connection or of the time.
  func answer(withinMs limitMs: Int32 = 10_000) -> String? {
    guard case .bytes(let text) = look(withinMs: limitMs) else { return nil }
    return text.split(whereSeparator: \.isNewline).last.map(String.init)
  }

  /// The next thing that happens: what one read gives.
  func look(withinMs limitMs: Int32 = 10_000) -> Sight {
    var readable = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard poll(&readable, 1, limitMs) == 1 else { return .silence }
    var bytes = [UInt8](repeating: 0, count: 1_000)
    let count = recv(descriptor, &bytes, bytes.count, 0)
    if count > 0 { return .bytes(String(decoding: bytes[..<count], as: UTF8.self)) }
    if count < 0 { #expect(errno == ECONNRESET) }
    return count == 0 ? .end : .reset
  }
}
