/// Faults. Each holds for all connections that are there and that come, until `pass` unless it says otherwise; those
/// of different kinds go together.
extension RedirectingProxy {
  /// Which way bytes go.
  public enum Way: CaseIterable, Sendable {
    case toServer, toClient

    /// The way back.
    public var opposite: Way { self == .toServer ? .toClient : .toServer }
  }

  /// How a connection ends: with FIN, or with RST (which a Unix socket does not know).
  public enum Ending: Sendable {
    case end, reset
  }

  /// How many connections a fault befalls.
  public enum Extent: Sendable {
    case one, all
  }

  /// Every byte, and the end of the connection, arrives that much later. At most 1 MiB a connection and way is under
  /// way; beyond it the sender has to wait. 0 ends it.
  public func delay(ms: Int, _ ways: [Way] = Way.allCases) {
    precondition(ms >= 0)
    order { orders in for way in ways { orders.shapes[way].delayMs = ms } }
  }

  /// Bytes go on at most so many at a time, each time in a segment of its own. Only with a pause does a reader surely
  /// see them apart; without one the system may put together what is not read yet. Nil ends it.
  public func slice(bytes: Int?, pauseMs: Int = 0, _ ways: [Way] = Way.allCases) {
    precondition(bytes ?? 1 > 0 && pauseMs >= 0)
    order { orders in
      for way in ways {
        orders.shapes[way].sliceBytes = bytes
        orders.shapes[way].pauseMs = pauseMs
      }
    }
  }

  /// Silence one way: `.toClient` lets requests be executed and keeps the replies, `.toServer` keeps the requests, and
  /// ends of connections go unnoticed likewise. At most 1 MiB a connection is kept; what waited goes on with `pass`.
  public func hold(_ way: Way) { order { $0.shapes[way].isHeld = true } }

  /// Requests pass and are executed; their replies are dropped, and the client's connection gets a RST: once `afterBytes`
  /// of a reply came and the server was silent for `quietMs`, or when the server ends it. The server's side ends with FIN.
  ///
  /// One connection: the next that gets a reply. A reply is any byte from the server after this call.
  /// Replaces an earlier `loseReplies` or `cutReplies`.
  public func loseReplies(of extent: Extent, afterBytes: Int = 1, quietMs: Int = 0) {
    precondition(afterBytes > 0 && quietMs >= 0)
    orderReplies(.lose(afterBytes: afterBytes, quietMs: quietMs), extent)
  }

  /// So many bytes from the server pass on each connection, counted from this call or from its beginning, then it
  /// ends. With RST the client may miss the last of them if it doesn't read what comes.
  ///
  /// One connection: the first that gets so far. Replaces an earlier `loseReplies` or `cutReplies`.
  public func cutReplies(of extent: Extent, afterBytes: Int, _ ending: Ending) {
    precondition(afterBytes > 0)
    orderReplies(.cut(afterBytes: afterBytes, ending), extent)
  }

  /// All connections end with RST, on both sides, now. Clients may connect again.
  public func reset() { order { $0.resets += 1 } }

  /// Closes the server's side of the connections that are there; their clients' side stays open and silent, after `pass`
  /// too, until the client, `cut` or `reset` ends it. New connections pass.
  public func leaveHalfOpen() { order { $0.halfOpens += 1 } }

  private func orderReplies(_ kind: ProxyReplyFault.Kind, _ extent: Extent) {
    order {
      $0.replyFault = ProxyReplyFault(
        kind: kind, left: extent == .one ? 1 : .max, version: $0.version + 1)
    }
  }

  /// What has really happened since the proxy began, for all its connections.
  public struct Counters: Equatable, Sendable {
    /// Connections that reached the target, and those that were closed as they came.
    public internal(set) var accepted = 0
    public internal(set) var refused = 0
    /// Bytes that were written to the other side.
    public internal(set) var passed = BothWays(0)
    /// Bytes that came while a delay or a hold kept them back; of a hold of all, known after it.
    public internal(set) var heldBack = BothWays(0)
    /// Bytes that wait in the proxy now.
    public internal(set) var waiting = BothWays(0)
    /// Bytes that were read and never written.
    public internal(set) var dropped = BothWays(0)
    /// Segments sent by `slice`.
    public internal(set) var slices = BothWays(0)
    /// Connections that `loseReplies`, `cutReplies` and `leaveHalfOpen` befell.
    public internal(set) var repliesLost = 0
    public internal(set) var repliesCut = 0
    public internal(set) var halfOpened = 0
    /// Connections that a fault ended with RST.
    public internal(set) var resets = 0
  }
}
