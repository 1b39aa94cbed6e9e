import Threads

// DESIGN
// One thread makes, uses and frees a connection; everything that waits goes out as one pipeline and the
// replies are matched in order. After any error a late reply could answer the next command, so the
// connection is thrown away and whoever owns it makes a new one; what the lost pipeline did is unknown,
// and the caller asks again with the same request ids.

/// One connection to one Redis server. Not Sendable: it stays on the thread that made it.
public final class RedisConnection {
  /// What one pipeline may hold; more is refused before anything is sent.
  public static let maximumCommands = 65_536
  public static let maximumBytes = 16 << 20

  private var context: HiredisContext?
  private let commandTimeoutMs: Int
  /// What was sent and not received yet.
  private var sent: (commands: [RedisCommand], deadline: MonotonicTime)?

  /// Connects, authenticates, selects the database, names the connection and loads `scripts`.
  ///
  /// Throws `.connect`, `.authentication`, or what a pipeline throws; nothing of the caller's has run then.
  public init(_ endpoint: RedisEndpoint, scripts: [RedisScript] = []) throws(RedisError) {
    context = try HiredisContext(endpoint)
    commandTimeoutMs = endpoint.commandTimeoutMs
    do {
      try open(endpoint, scripts)
    } catch {
      throw RedisError(error.kind, "\(endpoint): \(error.message)")
    }
  }

  /// False after an error.
  public var isUsable: Bool { context != nil }

  /// True when the server has closed the connection, or said something unasked, since the last pipeline.
  public var isStale: Bool { context?.isStale ?? true }

  /// Sends the commands in one go and returns their replies in the same order.
  ///
  /// A command whose script the server has forgotten is sent once more, after the script; only that
  /// command, for the others have run. An error of the server's to a single command is a reply, not a throw.
  public func pipeline(_ commands: [RedisCommand]) throws(RedisError) -> [RedisReply] {
    try send(commands)
    return try receive()
  }

  /// The first half of `pipeline`, for an owner that has something to do meanwhile; `receive` must follow.
  public func send(_ commands: [RedisCommand]) throws(RedisError) {
    precondition(sent == nil, "the replies of the last pipeline are still owed")
    guard commands.count <= Self.maximumCommands,
      commands.reduce(0, { $0 + $1.byteCount }) <= Self.maximumBytes
    else { throw RedisError(.tooLarge, "\(commands.count) commands in one pipeline") }

    try whileUsable { context throws(RedisError) in try context.send(commands) }
    sent = (commands, .after(ms: commandTimeoutMs))
  }

  /// The other half.
  public func receive() throws(RedisError) -> [RedisReply] {
    guard let (commands, deadline) = sent else { preconditionFailure("nothing was sent") }
    sent = nil
    var replies = try whileUsable { context throws(RedisError) in
      try context.receive(until: deadline)
    }
    let refused = replies.indices.filter {
      commands[$0].script != nil && replies[$0].error?.code == "NOSCRIPT"
    }
    if refused.isEmpty { return replies }

    var scripts: [RedisScript] = []
    for case let script? in refused.map({ commands[$0].script }) where !scripts.contains(script) {
      scripts.append(script)
    }
    let again = try exchange(
      scripts.map(RedisCommand.load) + refused.map { commands[$0] }, until: deadline)
    for (index, reply) in zip(refused, again.dropFirst(scripts.count)) { replies[index] = reply }
    return replies
  }

  private func exchange(
    _ commands: [RedisCommand], until deadline: MonotonicTime
  ) throws(RedisError) -> [RedisReply] {
    try whileUsable { context throws(RedisError) in
      try context.send(commands)
      return try context.receive(until: deadline)
    }
  }

  private func whileUsable<Result>(
    _ body: (inout HiredisContext) throws(RedisError) -> Result
  ) throws(RedisError) -> Result {
    guard context != nil else { throw RedisError(.closed, "the connection was thrown away") }
    do {
      return try body(&context!)
    } catch {
      context = nil
      throw error
    }
  }

  /// What every new connection begins with, as one pipeline.
  private func open(_ endpoint: RedisEndpoint, _ scripts: [RedisScript]) throws(RedisError) {
    var steps: [(name: String, command: RedisCommand)] = []
    if let password = endpoint.password {
      var command = RedisCommand("AUTH")
      if let username = endpoint.username { command.append(username) }
      command.append(password)
      steps.append(("AUTH", command))
    }
    if endpoint.database != 0 {
      steps.append(("SELECT", RedisCommand("SELECT", String(endpoint.database))))
    }
    if let name = endpoint.clientName {
      steps.append(("CLIENT SETNAME", RedisCommand("CLIENT", "SETNAME", name)))
    }
    steps.append(("PING", RedisCommand("PING")))
    steps += scripts.map { ("SCRIPT LOAD of \($0.name)", .load($0)) }

    let replies = try exchange(
      steps.map(\.command), until: .after(ms: max(commandTimeoutMs, endpoint.connectTimeoutMs)))
    for (step, reply) in zip(steps, replies) {
      guard let error = reply.error else { continue }
      context = nil
      // A server that does not know AUTH repeats its arguments in the error: the code alone is safe.
      if step.name == "AUTH" { throw RedisError(.authentication, "AUTH refused: \(error.code)") }
      throw RedisError(
        error.code == "NOAUTH" ? .authentication : .connect, "\(step.name) refused: \(error)")
    }
  }
}

extension RedisCommand {
  fileprivate static func load(_ script: RedisScript) -> RedisCommand {
    var command = RedisCommand("SCRIPT", "LOAD")
    command.append(script.source)
    return command
  }
}
