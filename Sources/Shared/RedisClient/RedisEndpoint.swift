/// Where a Redis server is and how to enter it.
public struct RedisEndpoint: Sendable, Equatable {
  public var host: String
  public var port: Int
  /// The path of a Unix socket; when given it wins over host and port.
  public var socket: String?
  /// An ACL user; without it a password alone is sent, which is the default user's.
  public var username: String?
  public var password: String?
  public var database: Int
  /// For each address of the host. Resolving a name is libc's and has its own limits.
  public var connectTimeoutMs: Int
  /// For a whole pipeline, from its first byte sent to its last reply.
  public var commandTimeoutMs: Int
  /// Shown by `CLIENT LIST`; no spaces.
  public var clientName: String?

  public init(
    host: String = "127.0.0.1", port: Int = 6379, socket: String? = nil, username: String? = nil,
    password: String? = nil, database: Int = 0, connectTimeoutMs: Int = 1_000,
    commandTimeoutMs: Int = 2_000, clientName: String? = nil
  ) {
    self.host = host
    self.port = port
    self.socket = socket
    self.username = username
    self.password = password
    self.database = database
    self.connectTimeoutMs = connectTimeoutMs
    self.commandTimeoutMs = commandTimeoutMs
    self.clientName = clientName
  }
}

/// Without the password, so that no log and no error can show it.
extension RedisEndpoint: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  public var description: String {
    let place = socket ?? (host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)")
    let user = username.map { "\($0)@" } ?? ""
    return "\(user)\(place)/\(database)"
  }

  public var debugDescription: String { description }
  public var customMirror: Mirror { Mirror(self, children: ["place": description]) }
}
