/// Every bound of the server. Past one of them a client gets the status named here, or is closed.
public struct HTTPLimits: Sendable {
  /// Bytes of a request line without its line end; 414 beyond.
  public var requestLineBytes: Int
  /// Bytes of all header lines, line ends and the closing empty line included; 431 beyond.
  public var headerBytes: Int
  /// Header lines; 431 beyond.
  public var headerCount: Int
  /// Bytes of a request's body; 413 beyond.
  public var bodyBytes: Int
  /// Connections over all loops; the next ones get 503 and are closed.
  public var connections: Int
  /// For the whole request from its first byte; 408 beyond.
  public var requestTimeoutMs: Int
  /// Between two requests, and before the first; closed beyond.
  public var idleTimeoutMs: Int
  /// For the handler's reply; 503 beyond, and the late reply is dropped.
  public var replyTimeoutMs: Int
  /// For a reply to be taken by the client; closed beyond.
  public var writeTimeoutMs: Int
  /// Bytes of a reply, head and body; a larger one becomes a 500.
  public var replyBytes: Int
  /// After the last reply, how long the client's bytes are still read and thrown away, so that no reset
  /// destroys the reply on its way.
  public var lingerTimeoutMs: Int
  /// And how many of those bytes.
  public var lingerBytes: Int

  public init(
    requestLineBytes: Int = 2_048, headerBytes: Int = 8_192, headerCount: Int = 64,
    bodyBytes: Int = 4_096, connections: Int = 4_096, requestTimeoutMs: Int = 5_000,
    idleTimeoutMs: Int = 60_000, replyTimeoutMs: Int = 30_000, writeTimeoutMs: Int = 5_000,
    replyBytes: Int = 1 << 20, lingerTimeoutMs: Int = 1_000, lingerBytes: Int = 1 << 20
  ) {
    self.requestLineBytes = requestLineBytes
    self.headerBytes = headerBytes
    self.headerCount = headerCount
    self.bodyBytes = bodyBytes
    self.connections = connections
    self.requestTimeoutMs = requestTimeoutMs
    self.idleTimeoutMs = idleTimeoutMs
    self.replyTimeoutMs = replyTimeoutMs
    self.writeTimeoutMs = writeTimeoutMs
    self.replyBytes = replyBytes
    self.lingerTimeoutMs = lingerTimeoutMs
    self.lingerBytes = lingerBytes
  }
}
