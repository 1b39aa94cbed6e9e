import CLinux
import Glibc
import Log
import Threads

/// How draws come.
enum Demand {
  /// Closed loop: each connection draws again as soon as it has its answer.
  case unlimited
  /// Open loop: so many a second, each at its moment, whether or not the last ones were answered. With all connections
  /// taken a draw waits for one, and its latency counts from its moment.
  case rate(Int)
  /// Open loop; with all connections taken a draw is not sent, but counted.
  case flood(Int)
}

/// What became of the draws of a run.
struct Tally {
  /// Draws whose moment came, sent or not.
  var offered = 0
  var sent = 0
  var claimed = 0
  /// Refused as more than fits.
  var overloaded = 0
  var others = 0
  /// In which draws were sent.
  let seconds: Int
  /// Of the claimed, microseconds.
  var latencies = Histogram()
  /// Claims by the tenth of a second in which they were answered.
  var claimedByTenth: [Int] = []

  var answered: Int { claimed + overloaded + others }
  /// Answered while draws were sent: what came afterwards was not carried in that time.
  var claimedPerSecond: Double {
    Double(claimedByTenth.prefix(10 * seconds).reduce(0, +)) / Double(seconds)
  }

  func ms(_ share: Double) -> Double { Double(latencies.percentile(share)) / 1_000 }
}

/// Draws over kept connections, at most one request under way on each. One thread, much cheaper than the crowd: what is
/// measured is the service, not the client.
final class DrawClient {
  private var connections: [DrawConnection] = []
  private let poller: Int32
  private var form: RequestForm
  private var events: [epoll_event]

  /// `run` from 0 to 9 tells the users of two clients apart.
  init(port: UInt16, activity: Int, run: Int, connections count: Int) throws {
    form = RequestForm(activity: activity, run: run)
    poller = epoll_create1(0)
    guard poller >= 0 else { throw Failure("no epoll") }
    events = Array(repeating: epoll_event(), count: count)
    for place in 0..<count {
      let connection = try DrawConnection(port: port)
      var event = epoll_event(
        events: EPOLLIN.rawValue, data: epoll_data_t(u64: UInt64(place)))
      guard epoll_ctl(poller, EPOLL_CTL_ADD, connection.socket, &event) == 0 else {
        throw Failure("epoll_ctl failed")
      }
      connections.append(connection)
    }
  }

  deinit {
    for connection in connections { close(connection.socket) }
    close(poller)
  }

  /// Draws for so long over the first `count` connections, then waits for the answers that are still to come. Draws that
  /// wait for a connection are given up after ten seconds more.
  func run(_ demand: Demand, over count: Int, seconds: Int) throws -> Tally {
    var idle = Array(0..<count)
    var tally = Tally(seconds: seconds)
    let start = MonotonicTime.now.nanoseconds
    let end = start + Int64(seconds) * 1_000_000_000
    let last = end + 10 * 1_000_000_000
    let giveUp = last + 30 * 1_000_000_000
    while true {
      let now = MonotonicTime.now.nanoseconds
      let isOver = now >= end && (!demand.keepsDraws || tally.sent == tally.offered) || now >= last
      if !isOver {
        try send(demand, at: now, from: start, to: end, &idle, &tally)
      } else if tally.answered == tally.sent {
        break
      }
      if now >= giveUp { throw Failure("\(tally.sent - tally.answered) draws unanswered") }
      try receive(demand, from: start, &idle, &tally)
    }
    return tally
  }

  private func send(
    _ demand: Demand, at now: Int64, from start: Int64, to end: Int64, _ idle: inout [Int],
    _ tally: inout Tally
  ) throws {
    guard let rate = demand.rate else {
      while now < end, let place = idle.popLast() {
        tally.offered += 1
        try connections[place].send(form.next(), at: now, &tally)
      }
      return
    }
    let elapsed = Double(min(now, end) - start) / 1e9
    let due = max(tally.offered, Int(elapsed * Double(rate)))
    if demand.keepsDraws {
      tally.offered = due
      while tally.sent < due, let place = idle.popLast() {
        let moment = start + Int64(Double(tally.sent) / Double(rate) * 1e9)
        try connections[place].send(form.next(), at: moment, &tally)
      }
    } else {
      while tally.offered < due {
        tally.offered += 1
        guard let place = idle.popLast() else { continue }
        try connections[place].send(form.next(), at: now, &tally)
      }
    }
  }

  /// Takes what has come. In an open loop without a wait, for epoll's are whole milliseconds: a nap instead.
  private func receive(
    _ demand: Demand, from start: Int64, _ idle: inout [Int], _ tally: inout Tally
  ) throws {
    let isOpen = demand.rate != nil
    let count = epoll_wait(poller, &events, Int32(events.count), isOpen ? 0 : 1)
    if count <= 0 {
      if isOpen { usleep(50) }
      return
    }
    for event in events.prefix(Int(count)) {
      let place = Int(event.data.u64)
      guard let answer = try connections[place].receive() else { continue }
      idle.append(place)
      switch answer {
      case .claimed:
        let now = MonotonicTime.now.nanoseconds
        tally.claimed += 1
        tally.latencies.add((now - connections[place].drawnNs) / 1_000)
        let tenth = Int((now - start) / 100_000_000)
        while tally.claimedByTenth.count <= tenth { tally.claimedByTenth.append(0) }
        tally.claimedByTenth[tenth] += 1
      case .overloaded: tally.overloaded += 1
      case .other: tally.others += 1
      }
    }
  }
}

extension Demand {
  fileprivate var rate: Int? {
    switch self {
    case .unlimited: nil
    case .rate(let rate), .flood(let rate): rate
    }
  }

  /// Whether a draw that finds no connection waits for one.
  fileprivate var keepsDraws: Bool {
    if case .rate = self { true } else { false }
  }
}

/// A draw's bytes, each time of another user: ids of 13 and 16 characters.
private struct RequestForm {
  private var bytes: [UInt8]
  private let ends: [Int]
  private var number = 0

  init(activity: Int, run: Int) {
    let user =
      "POST /v1/activities/\(activity)/draws HTTP/1.1\r\nHost: 127.0.0.1\r\n"
      + "X-User-Id: l\(run)00000000000"
    let key = "\r\nIdempotency-Key: req-\(run)00000000000"
    bytes = Array((user + key + "\r\nContent-Length: 0\r\n\r\n").utf8)
    ends = [user.utf8.count, user.utf8.count + key.utf8.count]
  }

  mutating func next() -> [UInt8] {
    number += 1
    for end in ends {
      var (rest, place) = (number, end - 1)
      while rest > 0 {
        bytes[place] = UInt8(ascii: "0") + UInt8(rest % 10)
        rest /= 10
        place -= 1
      }
    }
    return bytes
  }
}

/// One connection with at most one request under way.
private struct DrawConnection {
  enum Answer { case claimed, overloaded, other }

  let socket: Int32
  /// When its draw was due, or sent.
  private(set) var drawnNs: Int64 = 0
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
    guard status == 0 else { throw Failure("port \(port) cannot be connected to") }
    var one: Int32 = 1
    _ = setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
  }

  mutating func send(_ request: [UInt8], at moment: Int64, _ tally: inout Tally) throws {
    drawnNs = moment
    answer.removeAll(keepingCapacity: true)
    let count = Glibc.send(socket, request, request.count, Int32(MSG_NOSIGNAL))
    guard count == request.count else { throw Failure("a request was not taken whole") }
    tally.sent += 1
  }

  /// nil while the answer is not there whole.
  mutating func receive() throws -> Answer? {
    let count = withUnsafeTemporaryAllocation(byteCount: 4_096, alignment: 1) { buffer in
      let count = recv(socket, buffer.baseAddress, buffer.count, 0)
      if count > 0 { answer.append(contentsOf: buffer.prefix(count)) }
      return count
    }
    if count <= 0 { throw Failure("a connection was closed") }
    // The end of the one JSON object that every answer is; its status stands behind "HTTP/1.1 ".
    guard answer.last == UInt8(ascii: "}"), answer.count > 12 else { return nil }
    switch (answer[9], answer[10], answer[11]) {
    case (0x32, 0x30, 0x30):
      return holds("\"status\":\"claimed\",\"replayed\":false") ? .claimed : .other
    case (0x35, 0x30, 0x33): return holds("\"code\":\"overloaded\"") ? .overloaded : .other
    default: return .other
    }
  }

  /// Whether the answer holds these words, looked for from its end.
  private func holds(_ words: StaticString) -> Bool {
    let length = words.utf8CodeUnitCount
    return answer.withUnsafeBufferPointer { answer in
      stride(from: answer.count - length, through: 0, by: -1).contains {
        memcmp(answer.baseAddress! + $0, words.utf8Start, length) == 0
      }
    }
  }
}
