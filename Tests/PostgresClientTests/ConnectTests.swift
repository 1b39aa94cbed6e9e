import Glibc
import PostgresClient
import TestSupport
import Testing
import Threads

@Suite struct ConnectTests {
  @Test func whatNobodyServesIsARetryAndQuick() {
    let started = MonotonicTime.now
    let error = failure { () throws(PostgresError) in
      try PostgresConnection(
        PostgresSettings(connection: "host=127.0.0.1 port=\(freePort()) dbname=x user=x"))
    }
    #expect(error?.kind == .retry)
    #expect(error?.connectionLost == true)
    #expect(error?.message.isEmpty == false)
    #expect(started.adding(ms: 2_000) > .now)
  }

  @Test func whoAnswersNothingIsGivenUp() throws {
    let silent = try SilentServer()
    let started = MonotonicTime.now
    let error = failure { () throws(PostgresError) in
      try PostgresConnection(
        PostgresSettings(
          connection: "host=127.0.0.1 port=\(silent.port) dbname=x user=x sslmode=disable",
          connectTimeoutMs: 300))
    }
    #expect(error?.kind == .retry)
    #expect(started.adding(ms: 290) <= .now)
    #expect(started.adding(ms: 5_000) > .now)
  }

  /// The others of a cluster are there, and one of them takes writes.
  @Test func aHostThatAnswersNothingDoesNotHideTheNext() throws {
    let stack = try LocalStack.shared([.postgres])
    let silent = try SilentServer()
    let connection = try PostgresConnection(
      PostgresSettings(
        connection: "host=127.0.0.1,127.0.0.1 port=\(silent.port),\(stack.postgresPort) "
          + "dbname=postgres user=postgres sslmode=disable gssencmode=disable",
        connectTimeoutMs: 500))
    #expect(try connection.execute("SELECT inet_server_port()").int4(0, 0) == stack.postgresPort)
  }

  @Test func aDatabaseOrRoleThatIsNotThereNeedsAPerson() throws {
    let stack = try LocalStack.shared([.postgres])
    for connection in [
      "host=127.0.0.1 port=\(stack.postgresPort) dbname=nowhere user=postgres",
      "host=127.0.0.1 port=\(stack.postgresPort) dbname=postgres user=nobody_at_all",
      "no_such_option=1",
    ] {
      let error = failure { () throws(PostgresError) in
        try PostgresConnection(PostgresSettings(connection: connection))
      }
      #expect(error?.kind == .configuration, "\(connection): \(String(describing: error))")
    }
  }

  @Test func theStringMayBeAURIAndOverridesOurDefaults() throws {
    let stack = try LocalStack.shared([.postgres])
    let base = "postgresql://postgres@127.0.0.1:\(stack.postgresPort)/postgres"
    func name(_ connection: String) throws -> String {
      try PostgresConnection(
        PostgresSettings(connection: connection, applicationName: "by default")
      ).execute("SELECT current_setting('application_name')").text(0, 0)
    }
    #expect(try name(base) == "by default")
    #expect(try name(base + "?application_name=by-string") == "by-string")
  }

  @Test func everyConnectionSetsItsParameters() throws {
    let connection = try PostgresConnection(
      try freshSettings {
        $0.parameters = ["enable_seqscan": "off"]
        $0.lockTimeoutMs = 1_234
      })
    let found = try connection.execute(
      "SELECT current_setting('enable_seqscan'), current_setting('lock_timeout')")
    #expect(found.text(0, 0) == "off")
    #expect(found.text(0, 1) == "1234ms")
  }

  @Test func aReadOnlyServerIsNotTaken() throws {
    let settings = try freshSettings()
    let made = try PostgresConnection(settings)
    try made.executeScript(
      """
      DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database());
      END $$
      """)
    let error = failure { () throws(PostgresError) in try PostgresConnection(settings) }
    #expect(error?.kind == .retry)
    #expect(error?.message.contains("read-only") == true)
  }

  /// The process that serves us is stopped: nothing comes, and nothing is closed.
  @Test func aPeerThatFallsSilentIsGivenUp() throws {
    let connection = try PostgresConnection(
      try freshSettings {
        $0.statementTimeoutMs = 200
        $0.graceMs = 200
      })
    let pid = try connection.execute("SELECT pg_backend_pid()").int4(0, 0)
    #expect(kill(pid, SIGSTOP) == 0)
    defer { kill(pid, SIGCONT) }
    let started = MonotonicTime.now
    let error = failure { () throws(PostgresError) in try connection.execute("SELECT 1") }
    #expect(error?.kind == .retry)
    #expect(error?.outcomeUnknown == true)
    #expect(error?.connectionLost == true)
    #expect(started.adding(ms: 5_000) > .now)
    #expect(!connection.isOpen)
  }
}

/// Accepts connections and says nothing.
final class SilentServer {
  let port: Int
  private let descriptor: Int32

  init() throws {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    self.descriptor = descriptor
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let status = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) + listen(descriptor, 8)
          + getsockname(descriptor, $0, &length)
      }
    }
    port = Int(in_port_t(bigEndian: address.sin_port))
    guard status == 0 else { throw TestSupportError("cannot listen") }
  }

  deinit { close(descriptor) }
}
