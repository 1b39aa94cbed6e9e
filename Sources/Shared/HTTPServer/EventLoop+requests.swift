/// The way of a request through its connection: read, hand over, answer.
extension EventLoop {
  /// Goes as far as it can without waiting, and leaves the rest to the next turn when it has had its share.
  func advance(_ connection: Connection) {
    for _ in 0..<Self.roundsPerTurn {
      switch connection.phase {
      case .reading: if !readOnce(connection) { return }
      case .lingering: if !discardOnce(connection) { return }
      case .waiting, .writing, .closed: return
      }
    }
    if !connection.isQueued, connection.phase == .reading || connection.phase == .lingering {
      connection.isQueued = true
      unfinished.append(connection)
    }
  }

  /// Tries what is there, then reads once. False: nothing more can be done now.
  private func readOnce(_ connection: Connection) -> Bool {
    if !connection.input.isEmpty, parse(connection) { return true }
    if connection.sawEnd {
      endOfInput(connection)
      return false
    }
    guard connection.mayRead else {
      waitForInput(connection)
      return false
    }
    let transfer = System.receive(
      connection.socket, into: UnsafeMutableRawBufferPointer(receiveBuffer))
    switch transfer {
    case .moved(0): connection.sawEnd = true
    case .moved(let count):
      counters.bytesReceived.add(count)
      // Less than asked for: the socket is empty, and anything new raises an edge.
      connection.mayRead = count == receiveBuffer.count || connection.sawHangup
      take(connection, UnsafeBufferPointer(rebasing: receiveBuffer[..<count]))
    case .wouldBlock: connection.mayRead = false
    case .failed:
      drop(connection)
      return false
    }
    return true
  }

  /// New bytes: parsed where they were received, unless an earlier part waits for them.
  private func take(_ connection: Connection, _ received: UnsafeBufferPointer<UInt8>) {
    guard connection.input.isEmpty else { return connection.input.append(received) }
    let outcome = connection.parser.parse(received.span, parts.rules)
    switch outcome {
    case .needsMore: connection.input.append(received)
    case .request(let request, let consumed):
      if consumed < received.count {
        connection.input.append(UnsafeBufferPointer(rebasing: received[consumed...]))
      }
      handOver(connection, request)
    case .refused(let refusal): refuse(connection, refusal)
    }
  }

  /// False: the rest of the request has not come.
  private func parse(_ connection: Connection) -> Bool {
    let outcome = connection.input.withBytes { connection.parser.parse($0.span, parts.rules) }
    switch outcome {
    case .needsMore: return false
    case .request(let request, let consumed):
      connection.input.removeFirst(consumed)
      handOver(connection, request)
    case .refused(let refusal): refuse(connection, refusal)
    }
    return true
  }

  /// Nothing to read now: the clock of a request that has begun runs, and a client that asked is told to go on.
  private func waitForInput(_ connection: Connection) {
    if connection.parser.hasBegun {
      if !connection.isTimed {
        connection.isTimed = true
        connection.deadline = now + Int64(limits.requestTimeoutMs) * 1_000_000
      }
      if connection.parser.takeContinue() { send(connection, ReplyWriter.continueLine) }
    } else if stage > .running {
      close(connection)
    }
  }

  private func endOfInput(_ connection: Connection) {
    if connection.parser.hasBegun {
      refuse(connection, Refusal(400, "request incomplete"))
    } else {
      close(connection)
    }
  }

  private func handOver(_ connection: Connection, _ request: HTTPRequest) {
    lastSerial += 1
    counters.requests.add()
    connection.phase = .waiting
    connection.awaited = lastSerial
    connection.isTimed = false
    connection.form = ReplyWriter.Form(
      isHead: request.isHead, keepsAlive: request.keepsAlive, minorVersion: request.minorVersion)
    connection.deadline = now + Int64(limits.replyTimeoutMs) * 1_000_000
    handedOver = true
    var request = request
    request.arrived = connection.cameAt ?? arrival
    // What follows on the connection is no younger than what is unread.
    if connection.input.isEmpty, !connection.mayRead { connection.cameAt = nil }
    let token = ReplyToken(loop: parts.index, slot: connection.slot, serial: lastSerial)
    if let reply = parts.handler.handle(request, token: token) { answer(connection, reply) }
  }

  /// The handler's reply.
  func answer(_ connection: Connection, _ reply: HTTPReply) {
    if stage > .running { connection.form.keepsAlive = false }
    writer.render(reply, connection.form)
    if writer.bytes.count > limits.replyBytes {
      return refuse(connection, Refusal(500, "reply too large"))
    }
    write(connection)
  }

  /// The server's own reply, the last one of the connection.
  func refuse(_ connection: Connection, _ refusal: Refusal) {
    counters.countRefusal(refusal.status)
    if connection.phase == .reading {
      connection.form = ReplyWriter.Form(isHead: connection.parser.line.method == .head)
    }
    connection.form.keepsAlive = false
    let reply = parts.handler.errorReply(status: refusal.status, reason: refusal.reason)
    writer.render(reply, connection.form)
    write(connection)
  }

  private func write(_ connection: Connection) {
    connection.awaited = 0
    connection.phase = .writing
    connection.deadline = now + Int64(limits.writeTimeoutMs) * 1_000_000
    send(connection, writer.bytes)
  }

  /// Behind whatever still waits to be sent.
  private func send(_ connection: Connection, _ bytes: [UInt8]) {
    let waits = !connection.output.isEmpty
    bytes.withUnsafeBufferPointer { bytes in
      if waits { return connection.output.append(bytes) }
      guard let sent = transmit(connection, bytes) else { return drop(connection) }
      if sent < bytes.count {
        connection.output.append(UnsafeBufferPointer(rebasing: bytes[sent...]))
      }
    }
    finishWriting(connection)
  }

  /// The socket takes bytes again.
  func flush(_ connection: Connection) {
    let sent = connection.output.withBytes { transmit(connection, $0) }
    guard let sent else { return drop(connection) }
    connection.output.removeFirst(sent)
    finishWriting(connection)
  }

  /// How many bytes the socket took; nil if it is broken.
  private func transmit(_ connection: Connection, _ bytes: UnsafeBufferPointer<UInt8>) -> Int? {
    var sent = 0
    while sent < bytes.count {
      let rest = UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: bytes[sent...]))
      switch System.send(connection.socket, rest) {
      case .moved(let count):
        sent += count
        counters.bytesSent.add(count)
      case .wouldBlock: return sent
      case .failed: return nil
      }
    }
    return sent
  }

  private func finishWriting(_ connection: Connection) {
    guard connection.phase == .writing, connection.output.isEmpty else { return }
    counters.replies.add()
    if connection.form.keepsAlive {
      connection.phase = .reading
      connection.deadline = now + Int64(limits.idleTimeoutMs) * 1_000_000
    } else {
      linger(connection)
    }
  }
}
