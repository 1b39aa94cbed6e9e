import CHiredis
import Glibc
import Threads

/// Hiredis's context: made, used and freed by one thread. The only place that touches its pointers.
///
/// Connected blocking (hiredis then keeps the timeout and tries every address of a host), used non-blocking:
/// one deadline then bounds a whole exchange, where a socket timeout would begin anew with each byte.
struct HiredisContext: ~Copyable {
  private let context: UnsafeMutablePointer<redisContext>
  private var pointers: [UnsafePointer<CChar>?] = []
  private var lengths: [Int] = []
  /// Commands whose replies are owed, and whether all of them have gone out.
  private var owed = 0
  private var isSent = true

  /// Throws `.connect`.
  init(_ endpoint: RedisEndpoint) throws(RedisError) {
    _ = ignoreBrokenPipes
    let time = timeval(
      tv_sec: endpoint.connectTimeoutMs / 1_000,
      tv_usec: Int(endpoint.connectTimeoutMs % 1_000) * 1_000)
    let made =
      if let socket = endpoint.socket {
        redisConnectUnixWithTimeout(socket, time)
      } else {
        redisConnectWithTimeout(endpoint.host, Int32(clamping: endpoint.port), time)
      }
    guard let made else { throw RedisError(.connect, "\(endpoint): out of memory") }
    if made.pointee.err != 0 {
      let reason = text(of: made)
      redisFree(made)
      throw RedisError(.connect, "\(endpoint): \(reason)")
    }
    let flags = fcntl(made.pointee.fd, F_GETFL)
    check(fcntl(made.pointee.fd, F_SETFL, flags | O_NONBLOCK) == -1 ? errno : 0, "fcntl")
    made.pointee.flags &= ~REDIS_BLOCK
    context = made
  }

  deinit { redisFree(context) }

  /// True when nothing is owed to us and yet something is there to read: the server's goodbye.
  var isStale: Bool { wait(for: Int16(POLLIN), until: .now) != 0 }

  /// Sends what the socket takes of the commands. After an error the context must be freed.
  mutating func send(_ commands: [RedisCommand]) throws(RedisError) {
    for command in commands { try append(command) }
    owed = commands.count
    isSent = try write()
  }

  /// Sends the rest, and returns the replies in order. After an error the context must be freed.
  mutating func receive(until deadline: MonotonicTime) throws(RedisError) -> [RedisReply] {
    var replies: [RedisReply] = []
    replies.reserveCapacity(owed)
    while replies.count < owed {
      if !isSent { isSent = try write() }
      if let reply = try nextReply() {
        replies.append(reply)
        continue
      }
      let events = wait(for: Int16(isSent ? POLLIN : POLLIN | POLLOUT), until: deadline)
      if events == 0 {
        throw RedisError(
          .timeout, "\(replies.count) of \(owed) replies in time", outcomeUnknown: true)
      }
      if events & ~Int16(POLLOUT) != 0 { try read() }
    }
    return replies
  }

  private mutating func append(_ command: RedisCommand) throws(RedisError) {
    pointers.removeAll(keepingCapacity: true)
    lengths.removeAll(keepingCapacity: true)
    let status = command.bytes.withUnsafeBytes { bytes in
      var start = 0
      for end in command.ends {
        pointers.append((bytes.baseAddress! + start).assumingMemoryBound(to: CChar.self))
        lengths.append(end - start)
        start = end
      }
      return redisAppendCommandArgv(context, Int32(pointers.count), &pointers, lengths)
    }
    if status != REDIS_OK { throw failure() }
  }

  /// True when everything has gone out.
  private func write() throws(RedisError) -> Bool {
    var done: Int32 = 0
    guard redisBufferWrite(context, &done) == REDIS_OK else { throw failure() }
    return done == 1
  }

  private func read() throws(RedisError) {
    guard redisBufferRead(context) == REDIS_OK else { throw failure() }
  }

  /// A reply that has arrived whole, if there is one.
  private func nextReply() throws(RedisError) -> RedisReply? {
    var reply: UnsafeMutableRawPointer?
    guard redisGetReplyFromReader(context, &reply) == REDIS_OK else { throw failure() }
    guard let reply else { return nil }
    defer { freeReplyObject(reply) }
    return RedisReply(reply.assumingMemoryBound(to: redisReply.self).pointee)
  }

  /// The events that are there, 0 when none came in time.
  private func wait(for events: Int16, until deadline: MonotonicTime) -> Int16 {
    var descriptor = pollfd(fd: context.pointee.fd, events: events, revents: 0)
    while poll(&descriptor, 1, Int32(clamping: deadline.remainingMs)) < 0 {
      check(errno == EINTR ? 0 : errno, "poll")
    }
    return descriptor.revents
  }

  /// What hiredis says went wrong, once commands may have been sent.
  private func failure() -> RedisError {
    let isProtocol = context.pointee.err == REDIS_ERR_PROTOCOL
    return RedisError(
      isProtocol ? .protocolViolation : .closed, text(of: context), outcomeUnknown: true)
  }
}

/// A write to a closed socket would end the process otherwise; hiredis writes with plain `write`.
private let ignoreBrokenPipes: Void = { signal(SIGPIPE, SIG_IGN) }()

private func check(_ error: Int32, _ call: StaticString) {
  precondition(error == 0, "\(call) failed: \(error)")
}

private func text(of context: UnsafeMutablePointer<redisContext>) -> String {
  withUnsafeBytes(of: &context.pointee.errstr) { bytes in
    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }
}

extension RedisReply {
  /// Copies a reply of hiredis, which nests them at most 7 deep.
  init(_ reply: redisReply) {
    switch reply.type {
    case REDIS_REPLY_INTEGER: self = .integer(reply.integer)
    case REDIS_REPLY_STRING:
      self = .string([UInt8](UnsafeRawBufferPointer(start: reply.str, count: reply.len)))
    case REDIS_REPLY_STATUS: self = .status(reply.line)
    case REDIS_REPLY_ERROR: self = .error(RedisServerError(line: reply.line))
    case REDIS_REPLY_ARRAY:
      let elements = UnsafeBufferPointer(start: reply.element, count: reply.elements)
      self = .array(elements.map { RedisReply($0!.pointee) })
    default: self = .null
    }
  }
}

extension redisReply {
  fileprivate var line: String {
    String(decoding: UnsafeRawBufferPointer(start: str, count: len), as: UTF8.self)
  }
}
