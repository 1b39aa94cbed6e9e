/// Where and how to connect. Everything that libpq understands goes through `connection` (a URI or `key=value`
/// string) and the environment (PGHOST, PGPASSFILE, PGSSLMODE, …); what is here are our defaults and limits.
public struct PostgresSettings: Sendable {
  /// libpq's connection string; empty leaves everything to the environment.
  public var connection: String
  /// Overrides the string's; nil leaves it to the string, PGPASSWORD or the password file. Never logged.
  public var password: String?
  /// Seen in `pg_stat_activity`, unless the string or PGAPPNAME says otherwise.
  public var applicationName: String
  /// For the whole connect, TLS and authentication included.
  public var connectTimeoutMs: Int
  /// The server ends a statement after it. The client waits `graceMs` longer, then gives the connection up.
  public var statementTimeoutMs: Int
  /// The server ends a statement that waits longer for one lock.
  public var lockTimeoutMs: Int
  /// How much longer than the server's own timeout the client waits for an answer.
  public var graceMs: Int
  /// Names of constraints whose violation means that stored data contradicts itself: `.corruption`, not `.data`.
  public var invariants: Set<String>
  /// Run-time parameters that every new connection sets for itself.
  public var parameters: [String: String]

  public init(
    connection: String = "", password: String? = nil, applicationName: String = "sliding-stock",
    connectTimeoutMs: Int = 5_000, statementTimeoutMs: Int = 30_000, lockTimeoutMs: Int = 10_000,
    graceMs: Int = 2_000, invariants: Set<String> = [],
    parameters: [String: String] = [:]
  ) {
    precondition(connectTimeoutMs > 0 && statementTimeoutMs > 0 && lockTimeoutMs > 0)
    precondition(graceMs >= 0)
    self.connection = connection
    self.password = password
    self.applicationName = applicationName
    self.connectTimeoutMs = connectTimeoutMs
    self.statementTimeoutMs = statementTimeoutMs
    self.lockTimeoutMs = lockTimeoutMs
    self.graceMs = graceMs
    self.invariants = invariants
    self.parameters = parameters
  }
}

/// Without the password and the string, which may hold one: no log and no error can show them.
extension PostgresSettings: CustomStringConvertible, CustomReflectable {
  public var description: String { "postgres settings of \(applicationName)" }
  public var customMirror: Mirror { Mirror(self, children: ["application": applicationName]) }
}
