import Foundation
import Glibc

/// A blocking HTTP/1.1 client over one connection, for tests of the API: small, and no code of ours under it.
public final class HTTPTestClient {
  public struct Reply: Sendable {
    public let status: Int
    public let headers: [String: String]
    public let body: [UInt8]

    public var text: String { String(decoding: body, as: UTF8.self) }
    /// The body as a flat JSON object; empty when it is none.
    public var json: [String: any Sendable] {
      let object = try? JSONSerialization.jsonObject(with: Data(body))
      return (object as? [String: any Sendable]) ?? [:]
    }
    public var code: String? { json["code"] as? String }
    public var slot: Int? { json["slot"] as? Int }
    public var state: String? { json["status"] as? String }
  }

  public struct Failure: Error, CustomStringConvertible {
    public let description: String
  }

  private let port: Int
  private let timeoutMs: Int
  private var descriptor: Int32 = -1
  private var received: [UInt8] = []

  public init(port: Int, timeoutMs: Int = 10_000) {
    self.port = port
    self.timeoutMs = timeoutMs
  }

  deinit { close() }

  public func close() {
    if descriptor >= 0 { Glibc.close(descriptor) }
    descriptor = -1
    received = []
  }

  /// Sends a request and waits for its reply; connects when needed.
  public func send(
    _ method: String, _ path: String, _ headers: [String: String] = [:], body: [UInt8]? = nil
  ) throws -> Reply {
    var text = "\(method) \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\n"
    for (name, value) in headers { text += "\(name): \(value)\r\n" }
    if let body { text += "Content-Length: \(body.count)\r\n" }
    try write(Array("\(text)\r\n".utf8) + (body ?? []))
    return try readReply(hasBody: method != "HEAD")
  }

  /// Sends bytes as they are.
  public func write(_ bytes: [UInt8]) throws {
    try connectIfNeeded()
    var offset = 0
    while offset < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.send(
          descriptor, $0.baseAddress! + offset, bytes.count - offset, Int32(MSG_NOSIGNAL))
      }
      if count <= 0 { throw fail("write") }
      offset += count
    }
  }

  /// Reads the next reply. Throws at the end of the connection and at the time limit.
  public func readReply(hasBody: Bool = true) throws -> Reply {
    var end: Int?
    while end == nil {
      end = headEnd()
      if end == nil { try readMore() }
    }
    let lines = String(decoding: received[..<end!], as: UTF8.self).components(separatedBy: "\r\n")
    received.removeFirst(end! + 4)
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else {
        throw Failure(description: "bad header: \(line)")
      }
      headers[line[..<colon].lowercased()] =
        line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
    }
    let words = lines[0].split(separator: " ")
    guard words.count >= 2, let status = Int(words[1]) else {
      throw Failure(description: "bad status line: \(lines[0])")
    }
    if status == 100 { return try readReply(hasBody: hasBody) }
    let length = hasBody ? Int(headers["content-length"] ?? "0") ?? 0 : 0
    while received.count < length { try readMore() }
    let body = Array(received.prefix(length))
    received.removeFirst(length)
    return Reply(status: status, headers: headers, body: body)
  }

  /// True when the server has closed the connection, waiting for it up to the time limit.
  public func isClosedByServer() -> Bool {
    do {
      while true { try readMore() }
    } catch let failure as Failure {
      return failure.description == "closed"
    } catch {
      return false
    }
  }

  private func headEnd() -> Int? {
    let mark = Array("\r\n\r\n".utf8)
    guard received.count >= mark.count else { return nil }
    return (0...received.count - mark.count).first { received[$0..<$0 + 4].elementsEqual(mark) }
  }

  private func readMore() throws {
    var chunk = [UInt8](repeating: 0, count: 16_384)
    let count = recv(descriptor, &chunk, chunk.count, 0)
    if count == 0 || count < 0 && errno == ECONNRESET {
      close()
      throw Failure(description: "closed")
    }
    if count < 0 { throw fail("read") }
    received += chunk[..<count]
  }

  private func connectIfNeeded() throws {
    if descriptor >= 0 { return }
    descriptor = tcpSocket()
    guard descriptor >= 0 else { throw fail("socket") }
    var limit = timeval(tv_sec: timeoutMs / 1_000, tv_usec: timeoutMs % 1_000 * 1_000)
    let size = socklen_t(MemoryLayout<timeval>.size)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
    let status = withAddress(port: port) { connect(descriptor, $0, $1) }
    if status != 0 {
      let error = fail("connect")
      close()
      throw error
    }
  }

  private func fail(_ what: String) -> Failure {
    Failure(description: "\(what): \(String(cString: strerror(errno)))")
  }
}
