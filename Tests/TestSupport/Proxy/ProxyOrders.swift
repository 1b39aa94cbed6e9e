import Threads

/// What a proxy's thread shall do: a value that callers change and the thread copies.
struct ProxyOrders: Sendable {
  enum Mode: Sendable {
    case passing
    /// Nothing is read, written, accepted or closed: silence.
    case holding
    /// Connections are closed, new ones as they come.
    case refusing
  }

  var target: ProxyTarget
  var mode = Mode.passing
  var shapes = BothWays(ProxyShape())
  var replyFault: ProxyReplyFault?
  /// Each grows with each order of its kind.
  var cuts = 0
  var resets = 0
  var halfOpens = 0
  var isEnded = false
  var version = 0

  /// The version that the thread has obeyed, and what it reports.
  var obeyed = 0
  var connections = 0
  var counters = RedirectingProxy.Counters()
}

/// How bytes go one way.
struct ProxyShape: Sendable {
  var isHeld = false
  var delayMs = 0
  /// Nil: as many as there are.
  var sliceBytes: Int?
  var pauseMs = 0

  /// Whether bytes wait here though they could go on.
  var keepsBack: Bool { isHeld || delayMs > 0 }
}

/// What befalls replies.
struct ProxyReplyFault: Sendable {
  enum Kind: Sendable {
    /// All is dropped; reset once so many bytes came and the server was quiet for so long.
    case lose(afterBytes: Int, quietMs: Int)
    /// So many bytes pass, then the connection ends.
    case cut(afterBytes: Int, RedirectingProxy.Ending)
  }

  let kind: Kind
  /// Connections that it may still befall.
  var left: Int
  /// Of the orders that brought it: tells one fault from the next.
  let version: Int
}
