// DESIGN
// One connection, owned by the thread that opened it (the type is not Sendable). libpq runs non-blocking:
// send, flush, poll, consume until not busy, results until nil, each against a deadline, so that a dead peer
// or a stopped server can never hold the thread. After any error of the transport the connection is finished
// and every later call says so; PostgresSession opens the next one.

internal import CPq
import Glibc
import Threads

/// A statement that is parsed and planned once per connection.
public struct PreparedStatement: Sendable, Hashable {
  public let name: String
  public let sql: String

  /// `name` must be unique to `sql`.
  public init(name: String, sql: String) {
    self.name = name
    self.sql = sql
  }
}

/// A connection to Postgres. Every call blocks for at most the settings' timeouts.
public final class PostgresConnection {
  let settings: PostgresSettings
  private var handle: OpaquePointer?
  private var prepared: Set<String> = []
  #if TEST_SWITCHES
    /// Called once, when the next statement is sent and its answer is not read.
    public var whenNextIsSent: (() -> Void)?
  #endif

  /// Connects, within `connectTimeoutMs` (name resolution is libpq's and outside that limit).
  public init(_ settings: PostgresSettings) throws(PostgresError) {
    self.settings = settings
    handle = try Self.connect(settings)
    var parameters = settings.parameters
    parameters["statement_timeout"] = "\(settings.statementTimeoutMs)ms"
    parameters["lock_timeout"] = "\(settings.lockTimeoutMs)ms"
    parameters["idle_in_transaction_session_timeout"] = "\(settings.statementTimeoutMs)ms"
    let names = parameters.keys.sorted()
    try execute(
      "SELECT set_config(name, value, false) FROM unnest($1::text[], $2::text[]) AS p(name, value)",
      [.textArray(names), .textArray(names.map { parameters[$0]! })])
  }

  deinit { close() }

  /// False once a call has lost the connection, or after `close`.
  public var isOpen: Bool { handle != nil }

  /// Ends the connection; an open transaction is rolled back by the server. May be called twice.
  public func close() {
    if let handle { PQfinish(handle) }
    handle = nil
  }

  /// Runs one statement with parameters `$1…`.
  @discardableResult
  public func execute(_ sql: String, _ parameters: [PostgresValue] = []) throws(PostgresError)
    -> PostgresResult
  {
    try run { handle in
      withEncoded(parameters) { count, types, values, lengths, formats in
        PQsendQueryParams(handle, sql, count, types, values, lengths, formats, 1)
      }
    }
  }

  /// Runs a prepared statement, preparing it first if this connection has not seen it.
  @discardableResult
  public func execute(_ statement: PreparedStatement, _ parameters: [PostgresValue])
    throws(PostgresError) -> PostgresResult
  {
    if !prepared.contains(statement.name) {
      let types = parameters.map(\.typeID)
      try run { handle in
        PQsendPrepare(handle, statement.name, statement.sql, Int32(types.count), types)
      }
      prepared.insert(statement.name)
    }
    return try run { handle in
      withEncoded(parameters) { count, _, values, lengths, formats in
        PQsendQueryPrepared(handle, statement.name, count, values, lengths, formats, 1)
      }
    }
  }

  /// Runs several statements without parameters, as of a migration. Stops at the first error.
  public func executeScript(_ sql: String) throws(PostgresError) {
    try run { handle in PQsendQuery(handle, sql) }
  }

  var isInTransaction: Bool {
    guard let handle else { return false }
    let status = PQtransactionStatus(handle)
    return status == PQTRANS_INTRANS || status == PQTRANS_INERROR
  }

  /// Sends with `send` and waits for every result; gives the last, throws the first error.
  @discardableResult
  private func run(_ send: (OpaquePointer) -> Int32) throws(PostgresError) -> PostgresResult {
    guard let handle else {
      throw PostgresError(kind: .retry, message: "not connected", connectionLost: true)
    }
    let alone = !isInTransaction
    let deadline = MonotonicTime.after(ms: settings.statementTimeoutMs + settings.graceMs)
    guard send(handle) == 1 else { throw lost(handle, unknown: false) }
    try flush(handle, until: deadline, unknown: alone)
    #if TEST_SWITCHES
      whenNextIsSent.take()?()
    #endif
    var last: PostgresResult?
    var failure: PostgresError?
    while let result = try nextResult(handle, until: deadline, unknown: alone) {
      switch PQresultStatus(result) {
      case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY:
        last = PostgresResult(result)
      case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
        PQclear(result)
        close()
        throw PostgresError(
          kind: .configuration, message: "COPY is not supported", connectionLost: true)
      default:
        if failure == nil { failure = serverError(result) }
        PQclear(result)
      }
    }
    if PQstatus(handle) == CONNECTION_BAD {
      // The server said why (as a shutdown does) before it hung up.
      close()
      let reason = failure?.message ?? "connection lost"
      throw PostgresError(
        kind: .retry, sqlState: failure?.sqlState ?? "", message: reason, outcomeUnknown: alone,
        connectionLost: true)
    }
    if let failure { throw failure }
    guard let last else { throw lost(handle, unknown: alone) }
    return last
  }

  private func flush(_ handle: OpaquePointer, until deadline: MonotonicTime, unknown: Bool)
    throws(PostgresError)
  {
    while true {
      let left = PQflush(handle)
      if left == 0 { return }
      if left < 0 { throw lost(handle, unknown: unknown) }
      // While sending, also read: the server may be blocked writing to us.
      let ready = try wait(handle, POLLOUT | POLLIN, until: deadline, unknown: unknown)
      if ready & POLLIN != 0 && PQconsumeInput(handle) == 0 {
        throw lost(handle, unknown: unknown)
      }
    }
  }

  private func nextResult(_ handle: OpaquePointer, until deadline: MonotonicTime, unknown: Bool)
    throws(PostgresError) -> OpaquePointer?
  {
    while PQisBusy(handle) == 1 {
      _ = try wait(handle, POLLIN, until: deadline, unknown: unknown)
      // A failed read shows as an error result or a bad status, which the caller looks at.
      if PQconsumeInput(handle) == 0 && PQisBusy(handle) == 1 {
        throw lost(handle, unknown: unknown)
      }
    }
    return PQgetResult(handle)
  }

  private func wait(
    _ handle: OpaquePointer, _ events: Int32, until deadline: MonotonicTime, unknown: Bool
  ) throws(PostgresError) -> Int32 {
    if let ready = poll(descriptor: PQsocket(handle), events, until: deadline) { return ready }
    close()
    throw PostgresError(
      kind: .retry, message: "no answer in time", outcomeUnknown: unknown, connectionLost: true)
  }

  /// The transport failed: finish the connection and say why.
  private func lost(_ handle: OpaquePointer, unknown: Bool) -> PostgresError {
    let message = firstLine(PQerrorMessage(handle))
    close()
    return PostgresError(
      kind: .retry, message: message.isEmpty ? "connection lost" : message,
      outcomeUnknown: unknown, connectionLost: true)
  }

  private func serverError(_ result: OpaquePointer) -> PostgresError {
    func field(_ code: Character) -> String {
      guard let text = PQresultErrorField(result, Int32(code.asciiValue!)) else { return "" }
      return String(cString: text)
    }
    let state = field("C")
    let constraint = field("n")
    let message = field("M")
    return PostgresError(
      kind: PostgresError.kind(
        ofState: state, constraint: constraint, invariants: settings.invariants),
      sqlState: state,
      message: message.isEmpty ? firstLine(PQresultErrorMessage(result)) : message,
      detail: field("D"), constraint: constraint)
  }
}
