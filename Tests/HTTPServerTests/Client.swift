import Foundation
import Glibc
import Threads

/// A client that says exactly what a test wants it to say, and never waits past its deadline.
final class Client {
  private var descriptor: Int32
  private var received: [UInt8] = []
  private(set) var sawEnd = false

  struct Failure: Error {
    let text: String
    init(_ text: String) { self.text = text }
  }

  struct Reply {
    let status: Int
    let headers: [String: String]
    let body: String
  }

  /// `receiveBuffer` makes a client that takes little.
  init(port: UInt16, host: String = "127.0.0.1", receiveBuffer: Int32? = nil) throws {
    let isOld = !host.contains(":")
    descriptor = socket(isOld ? AF_INET : AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
    var now: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &now, 4)
    if var size = receiveBuffer {
      setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, 4)
    }
    var result: Int32
    if isOld {
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port.bigEndian
      inet_pton(AF_INET, host, &address.sin_addr)
      result = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
    } else {
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = port.bigEndian
      inet_pton(AF_INET6, host, &address.sin6_addr)
      result = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in6>.size))
        }
      }
    }
    if result != 0 {
      let code = errno
      Glibc.close(descriptor)
      descriptor = -1
      throw Failure("connect: \(String(cString: strerror(code)))")
    }
  }

  deinit { close() }

  func close() {
    if descriptor >= 0 { Glibc.close(descriptor) }
    descriptor = -1
  }

  /// Ends with a reset instead of an orderly end.
  func abort() {
    var now = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
    close()
  }

  func endWriting() { shutdown(descriptor, Int32(SHUT_WR)) }

  func send(_ text: String) throws { try send(Array(text.utf8)) }

  func send(_ bytes: [UInt8]) throws {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count < 0 { throw Failure("send: \(String(cString: strerror(errno)))") }
      sent += count
    }
  }

  /// Everything until the server closes.
  func readToEnd(withinMs limit: Int = 5_000) throws -> String {
    let deadline = MonotonicTime.after(ms: limit)
    while !sawEnd { try readMore(until: deadline) }
    defer { received = [] }
    return String(decoding: received, as: UTF8.self)
  }

  /// The next reply; `isHead`: one without a body.
  func reply(isHead: Bool = false, withinMs limit: Int = 5_000) throws -> Reply {
    let deadline = MonotonicTime.after(ms: limit)
    let headEnd = try position(after: "\r\n\r\n", until: deadline)
    let lines = String(decoding: received[..<(headEnd - 4)], as: UTF8.self)
      .components(separatedBy: "\r\n")
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      guard let colon = line.range(of: ": ") else { throw Failure("reply header: \(line)") }
      headers[line[..<colon.lowerBound].lowercased()] = String(line[colon.upperBound...])
    }
    let words = lines[0].split(separator: " ")
    guard words.count >= 2, words[0] == "HTTP/1.1", let status = Int(words[1]) else {
      throw Failure("status line: \(lines[0])")
    }
    let length = isHead || status == 100 ? 0 : Int(headers["content-length"] ?? "") ?? 0
    while received.count < headEnd + length {
      if sawEnd { throw Failure("end of input in a reply") }
      try readMore(until: deadline)
    }
    let body = String(decoding: received[headEnd..<(headEnd + length)], as: UTF8.self)
    received.removeFirst(headEnd + length)
    return Reply(status: status, headers: headers, body: body)
  }

  func get(_ path: String) throws -> Reply {
    try send("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
    return try reply()
  }

  private func position(after mark: String, until deadline: MonotonicTime) throws -> Int {
    while true {
      if let range = Data(received).range(of: Data(mark.utf8)) { return range.upperBound }
      if sawEnd { throw Failure("end of input after \(received.count) bytes") }
      try readMore(until: deadline)
    }
  }

  private func readMore(until deadline: MonotonicTime) throws {
    var interest = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard poll(&interest, 1, Int32(deadline.remainingMs)) > 0 else {
      throw Failure("nothing came in time, after \(received.count) bytes")
    }
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let count = recv(descriptor, &buffer, buffer.count, 0)
    if count < 0 { throw Failure("recv: \(String(cString: strerror(errno)))") }
    if count == 0 { sawEnd = true }
    received += buffer[..<count]
  }
}

/// Polls until `condition` holds; false when it did not in time.
func eventually(withinMs limit: Int = 5_000, _ condition: () -> Bool) -> Bool {
  let deadline = MonotonicTime.after(ms: limit)
  while !condition() {
    if deadline <= .now { return false }
    usleep(2_000)
  }
  return true
}
