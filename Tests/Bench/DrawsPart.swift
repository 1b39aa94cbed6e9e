import Glibc
import Log
import Stock
import Threads

/// Draws at a fixed rate over kept connections, whether or not the last ones were answered (open loop).
///
/// A draw is due at its moment; its latency counts from there, also when no connection was free. One thread, and much
/// cheaper than the crowd: what is measured is the service, not the client.
struct DrawsPart {
  private let port: UInt16
  private let activity: ActivityID
  private let rate: Int
  private let crowd: Int
  private let seconds: Int
  private let connections: Int

  init(_ options: Options) throws {
    port = UInt16(try options.whole("port", 1...65_535, default: 8_080))
    guard let activity = ActivityID(text: try options.text("activity")) else {
      throw UsageError("--activity takes an activity's number")
    }
    self.activity = activity
    rate = try options.whole("rate", 1...1_000_000, default: 1_000)
    crowd = try options.whole("run", 0...9, default: 0)
    connections = try options.whole("connections", 1...10_000, default: 256)
    seconds = try options.seconds()
  }

  func run() throws {
    var clients: [Client] = []
    for _ in 0..<connections { clients.append(try Client(port: port)) }
    defer { for client in clients { close(client.socket) } }
    var polled = clients.map { pollfd(fd: $0.socket, events: Int16(POLLIN), revents: 0) }
    var idle = Array(clients.indices)
    var latencies = Histogram()
    var (sent, claimed, others) = (0, 0, 0)
    let total = rate * seconds
    let start = MonotonicTime.now.nanoseconds
    let usAtStart = processorUs()
    let giveUp = MonotonicTime.after(ms: (seconds + 30) * 1_000)
    while claimed + others < total {
      let now = MonotonicTime.now
      if giveUp <= now { throw UsageError("\(total - claimed - others) draws were not answered") }
      while sent < total, dueNs(sent, start) <= now.nanoseconds, let free = idle.popLast() {
        try clients[free].send(request(sent), dueNs: dueNs(sent, start))
        sent += 1
      }
      wait(&polled, until: sent < total && !idle.isEmpty ? dueNs(sent, start) : nil)
      for place in polled.indices where polled[place].revents != 0 {
        guard let isClaim = try clients[place].receive() else { continue }
        latencies.add((MonotonicTime.now.nanoseconds - clients[place].dueNs) / 1_000)
        if isClaim { claimed += 1 } else { others += 1 }
        idle.append(place)
      }
    }
    tell("claimed", claimed)
    tell("others", others)
    tell("seconds", Double(MonotonicTime.now.nanoseconds - start) / 1e9)
    tell("p50_ms", Double(latencies.percentile(0.5)) / 1_000)
    tell("p99_ms", Double(latencies.percentile(0.99)) / 1_000)
    tell("client_us", processorUs() - usAtStart)
  }

  private func dueNs(_ number: Int, _ start: Int64) -> Int64 {
    start + Int64(number) * 1_000_000_000 / Int64(rate)
  }

  /// What can be read now; if nothing can, a pause of 100 µs at most (poll's own waits are whole milliseconds).
  private func wait(_ polled: inout [pollfd], until moment: Int64?) {
    let ready = poll(&polled, nfds_t(polled.count), 0)
    if ready > 0 { return }
    for place in polled.indices { polled[place].revents = 0 }
    let leftNs = moment.map { $0 - MonotonicTime.now.nanoseconds } ?? 100_000
    if leftNs > 0 { usleep(UInt32(min(100, leftNs / 1_000 + 1))) }
  }

  /// Another user each time; ids of 13 and 16 characters.
  private func request(_ number: Int) -> [UInt8] {
    let digits = String(1_000_000_000_000 + number)
    return Array(
      ("POST /v1/activities/\(activity)/draws HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        + "X-User-Id: loop-\(crowd)-\(digits.suffix(6))\r\n"
        + "Idempotency-Key: l-\(crowd)-\(digits.suffix(12))\r\nContent-Length: 0\r\n\r\n").utf8)
  }
}

/// One connection with at most one request under way.
private struct Client {
  let socket: Int32
  private(set) var dueNs: Int64 = 0
  private var answer: [UInt8] = []

  init(port: UInt16) throws {
    socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let status = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard status == 0 else { throw UsageError("port \(port) cannot be connected to") }
    var one: Int32 = 1
    _ = setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
  }

  mutating func send(_ request: [UInt8], dueNs: Int64) throws {
    self.dueNs = dueNs
    answer.removeAll(keepingCapacity: true)
    let count = Glibc.send(socket, request, request.count, Int32(MSG_NOSIGNAL))
    guard count == request.count else { throw UsageError("a request was not taken whole") }
  }

  /// Whether the answer is a new claim; nil while it is not there whole.
  mutating func receive() throws -> Bool? {
    let count = withUnsafeTemporaryAllocation(byteCount: 4_096, alignment: 1) { buffer in
      let count = recv(socket, buffer.baseAddress, buffer.count, 0)
      if count > 0 { answer.append(contentsOf: buffer.prefix(count)) }
      return count
    }
    if count <= 0 { throw UsageError("a connection was closed") }
    // The end of the one JSON object that every answer is.
    guard answer.last == UInt8(ascii: "}") else { return nil }
    let text = String(decoding: answer, as: UTF8.self)
    return text.contains("\"status\":\"claimed\"") && text.contains("\"replayed\":false")
  }
}
