import Glibc
import Synchronization

/// Counts connections over all loops.
final class ConnectionGate: Sendable {
  private let open = Atomic<Int>(0)

  var count: Int { open.load(ordering: .relaxed) }

  /// The number with the newcomer.
  func enter() -> Int { open.add(1, ordering: .relaxed).newValue }
  func leave() { open.subtract(1, ordering: .relaxed) }
}

/// How connections come and go.
extension EventLoop {
  /// At most so many in one turn, so that those who are in are served too.
  private static let newcomersPerTurn = 64
  /// Connections beyond the limit that are kept for a moment, to be told so properly.
  private static let courtesyConnections = 128

  func listen(_ listener: Listener) {
    isListening = (try? parts.poller.addListener(listener.descriptor, key: Self.listenerKey)) != nil
  }

  func acceptNewcomers() {
    guard let listener else { return }
    for _ in 0..<Self.newcomersPerTurn {
      switch acceptor.next(listener) {
      case .socket(let socket): admit(socket)
      case .none: return
      case .failed: counters.acceptFailures.add()
      case .exhausted:
        counters.acceptFailures.add()
        parts.poller.remove(listener.descriptor)
        isListening = false  // the next look at the deadlines tries again
        return
      }
    }
  }

  private func admit(_ socket: Int32) {
    lastAdmitted += 1
    let count = parts.gate.enter()
    let slot = freeSlots.popLast() ?? slots.count
    if slot == slots.count { slots.append(nil) }
    let connection = Connection(
      socket: socket, slot: slot, deadline: now + Int64(limits.idleTimeoutMs) * 1_000_000)
    slots[slot] = connection
    do throws(SystemError) {
      try System.setOption(socket, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
      try parts.poller.addConnection(socket, key: UInt64(slot))
    } catch {
      counters.acceptFailures.add()
      return close(connection)
    }
    if count <= limits.connections {
      counters.accepted.add()
    } else {
      counters.overLimit.add()
      refuse(connection, Refusal(503, "too many connections"))
      if count > limits.connections + Self.courtesyConnections { close(connection) }
    }
  }

  /// No newcomers from now on. Who has already connected is still taken; who has nothing on its way is closed.
  func stopListening() {
    guard listener != nil else { return }
    acceptNewcomers()
    leaveListener()
    for case let connection? in slots where connection.phase == .reading {
      connection.mayRead = true
      advance(connection)
    }
  }

  func leaveListener() {
    guard let listener else { return }
    parts.poller.remove(listener.descriptor)
    listener.leave()
    self.listener = nil
  }

  /// A deadline has passed.
  func expire(_ connection: Connection) {
    switch connection.phase {
    case .reading where connection.isTimed:
      refuse(connection, Refusal(408, "request not complete in time"))
    case .reading:
      counters.idleTimeouts.add()
      close(connection)
    case .waiting:
      counters.replyTimeouts.add()
      refuse(connection, Refusal(503, "no reply in time"))
    case .writing:
      counters.writeTimeouts.add()
      System.abandonOutput(connection.socket)
      drop(connection)
    case .lingering, .closed: close(connection)
    }
  }

  /// After the last reply: say that it was the last, and read on for a while. Closing with unread input
  /// would send a reset, and a reset can destroy the reply before the client has read it.
  func linger(_ connection: Connection) {
    connection.input.removeAll()
    if connection.sawEnd { return close(connection) }
    System.shutdownWriting(connection.socket)
    connection.phase = .lingering
    connection.mayRead = true
    connection.deadline = now + Int64(limits.lingerTimeoutMs) * 1_000_000
  }

  /// False: nothing to throw away now, or the end.
  func discardOnce(_ connection: Connection) -> Bool {
    guard connection.mayRead else { return false }
    switch System.receive(connection.socket, into: UnsafeMutableRawBufferPointer(receiveBuffer)) {
    case .moved(0), .failed: close(connection)
    case .wouldBlock: connection.mayRead = false
    case .moved(let count):
      connection.lingeredBytes += count
      if connection.lingeredBytes > limits.lingerBytes { close(connection) }
    }
    return connection.phase == .lingering && connection.mayRead
  }

  /// Closes a connection whose client is gone or too slow.
  func drop(_ connection: Connection) {
    if connection.phase == .waiting || connection.phase == .writing { counters.abandoned.add() }
    close(connection)
  }

  /// The only place that closes a client's socket.
  func close(_ connection: Connection) {
    guard connection.phase != .closed else { return }
    connection.phase = .closed
    connection.awaited = 0
    System.close(connection.socket)
    slots[connection.slot] = nil
    freeSlots.append(connection.slot)
    parts.gate.leave()
  }
}
