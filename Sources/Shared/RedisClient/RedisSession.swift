public import Threads

/// A connection that comes back: thrown away at any error, made anew when a pipeline needs it and the
/// back-off is over. Never sleeps. Not Sendable: it stays on the thread that uses it.
public final class RedisSession {
  public enum State: Sendable, Equatable {
    case connected
    case lost(RedisError)
  }

  private let endpoint: RedisEndpoint
  private let scripts: [RedisScript]
  private var backoff: Backoff
  private var connection: RedisConnection?
  private var nextAttempt = MonotonicTime(nanoseconds: 0)
  /// Between two renewals.
  private static let renewalMs = 1_000
  private var renewedAt: MonotonicTime?
  private var isRenewing = false
  /// A pipeline was sent whose replies are not received yet.
  private var isAwaiting = false
  private var isRenewalDue = false

  /// Called on the owner's thread whenever a connection was made or lost, or an attempt failed: for logs.
  public var onStateChange: ((State) -> Void)?
  /// Why there is no connection; nil while there is one, and before the first attempt.
  public private(set) var lastError: RedisError?
  /// Connections made so far.
  public private(set) var connectionCount = 0

  public init(_ endpoint: RedisEndpoint, scripts: [RedisScript] = [], backoff: Backoff = Backoff())
  {
    self.endpoint = endpoint
    self.scripts = scripts
    self.backoff = backoff
  }

  public var isConnected: Bool { connection != nil }

  /// When the next attempt is due, for an owner that has nothing else to wait for; nil while connected.
  public var retryAt: MonotonicTime? { connection == nil ? nextAttempt : nil }

  /// Connects if needed and due, sends the commands in one go and returns their replies in order.
  ///
  /// Throws `.backingOff` at once while the next attempt is not due. `outcomeUnknown` tells whether
  /// commands may have run; where it is false, nothing was done.
  public func pipeline(_ commands: [RedisCommand]) throws(RedisError) -> [RedisReply] {
    try send(commands)
    return try receive()
  }

  /// The first half of `pipeline`, for an owner that has something to do meanwhile; unless it throws, `receive` must follow.
  public func send(_ commands: [RedisCommand]) throws(RedisError) {
    // A server that went away while nothing was asked is noticed here, before the commands are at stake.
    if let connection, connection.isStale {
      lose(RedisError(.closed, "closed by the server while idle"), delayed: false)
    }
    do {
      try connected().send(commands)
      isAwaiting = true
    } catch {
      if error.kind != .backingOff && error.kind != .tooLarge { lose(error, delayed: true) }
      throw error
    }
  }

  /// The other half.
  public func receive() throws(RedisError) -> [RedisReply] {
    guard let connection, isAwaiting else { preconditionFailure("nothing was sent") }
    isAwaiting = false
    defer {
      if isRenewalDue { renew() }
      isRenewalDue = false
    }
    do {
      let replies = try connection.receive()
      backoff.reset()
      return replies
    } catch {
      lose(error, delayed: true)
      throw error
    }
  }

  /// Gives the connection up; the next pipeline makes a new one at once.
  public func close() {
    connection = nil
    isAwaiting = false
    isRenewalDue = false
    nextAttempt = MonotonicTime(nanoseconds: 0)
  }

  /// Gives up a connection whose server answers and is not the one to trust: it may have been replaced, and its name lead
  /// elsewhere by now. The next pipeline connects anew, at most once a second, and `onStateChange` hears of it only if that
  /// fails.
  public func renew() {
    if isAwaiting {
      isRenewalDue = true  // once the replies are there
      return
    }
    guard connection != nil, renewedAt?.adding(ms: Self.renewalMs) ?? .now <= .now else { return }
    renewedAt = .now
    connection = nil
    isRenewing = true
  }

  private func connected() throws(RedisError) -> RedisConnection {
    if let connection { return connection }
    guard nextAttempt <= .now else {
      throw RedisError(.backingOff, lastError?.message ?? "the next attempt is not due")
    }
    let connection = try RedisConnection(endpoint, scripts: scripts)
    self.connection = connection
    connectionCount += 1
    lastError = nil
    if !isRenewing { onStateChange?(.connected) }
    isRenewing = false
    return connection
  }

  private func lose(_ error: RedisError, delayed: Bool) {
    connection = nil
    isRenewing = false
    lastError = error
    if delayed { nextAttempt = .after(ms: backoff.nextMs()) }
    onStateChange?(.lost(error))
  }
}
