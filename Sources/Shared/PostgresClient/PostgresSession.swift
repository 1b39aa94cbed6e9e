public import Threads

/// A connection that comes back: made when first needed, thrown away on loss, made anew with growing waits.
///
/// It never sleeps. While it backs off, `connection()` throws at once; `retryAt` tells its owner, who waits in
/// its own inbox, when trying makes sense again.
public final class PostgresSession {
  public let settings: PostgresSettings
  private var current: PostgresConnection?
  private var backoff: Backoff
  private var lastFailure: PostgresError?

  /// When the next try makes sense; nil while nothing failed.
  public private(set) var retryAt: MonotonicTime?

  /// True when a try may be made now.
  public var isDue: Bool { retryAt.map { $0 <= .now } ?? true }

  /// Connections made so far: a number above 1 tells of losses.
  public private(set) var connectionsMade = 0

  public init(_ settings: PostgresSettings, backoff: Backoff = Backoff()) {
    self.settings = settings
    self.backoff = backoff
  }

  /// The open connection, or a new one. Blocks for at most the connect timeout; while backing off it throws the
  /// last failure's kind at once.
  public func connection() throws(PostgresError) -> PostgresConnection {
    if !isDue {
      let reason = lastFailure?.message ?? "an earlier failure"
      throw PostgresError(
        kind: lastFailure?.kind ?? .retry, message: "backing off after: \(reason)")
    }
    if let current, current.isOpen { return current }
    current = nil
    do {
      let made = try PostgresConnection(settings)
      connectionsMade += 1
      current = made
      return made
    } catch {
      failed(error)
      throw error
    }
  }

  /// Call after a failure that a new try at once would only repeat (a lock, no space): starts the wait. While it backs off
  /// already this does nothing: what `connection()` throws then is no new failure, and an owner who asks more often than the
  /// wait is long would never see its end.
  public func failed(_ error: PostgresError) {
    guard isDue else { return }
    lastFailure = error
    retryAt = .after(ms: backoff.nextMs())
  }

  /// Call after work that went well: waits start small again.
  public func succeeded() {
    backoff.reset()
    answered()
  }

  /// Call after an answer that tells little of the work to come: the wait is over, and the next one will be as long as it
  /// would have been.
  public func answered() {
    retryAt = nil
    lastFailure = nil
  }

  /// Ends the connection; the next call makes a new one.
  public func close() {
    current?.close()
    current = nil
  }
}
