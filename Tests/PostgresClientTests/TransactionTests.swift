import PostgresClient
import TestSupport
import Testing
import Threads

@Suite struct TransactionTests {
  private func table() throws -> PostgresSettings {
    let settings = try freshSettings()
    try PostgresConnection(settings).executeScript("CREATE TABLE t (x int PRIMARY KEY)")
    return settings
  }

  private func count(_ settings: PostgresSettings) throws -> Int64 {
    try PostgresConnection(settings).execute("SELECT count(*) FROM t").int8(0, 0)
  }

  @Test func commitsRollsBackAndThrows() throws {
    let settings = try table()
    let connection = try PostgresConnection(settings)
    func insert(_ number: Int32, _ end: TransactionEnd<Int>) throws(PostgresError) -> Int {
      try connection.transaction { connection throws(PostgresError) in
        try connection.execute("INSERT INTO t VALUES ($1)", [.int4(number)])
        return end
      }
    }
    #expect(try insert(1, .commit(10)) == 10)
    #expect(try insert(2, .rollback(20)) == 20)
    #expect(failure { () throws(PostgresError) in try insert(1, .commit(0)) }?.sqlState == "23505")
    #expect(try count(settings) == 1)
    #expect(try insert(3, .commit(30)) == 30)
  }

  @Test func aCommitOfWhatHadFailedIsNoSuccess() throws {
    let connection = try PostgresConnection(try table())
    let error = failure { () throws(PostgresError) in
      try connection.transaction { connection throws(PostgresError) -> TransactionEnd<Void> in
        // A body that swallows an error: the transaction is dead, and COMMIT answers ROLLBACK.
        do throws(PostgresError) { try connection.execute("SELECT 1/0") } catch {}
        return .commit(())
      }
    }
    #expect(error?.outcomeUnknown == false)
    #expect(error?.message.contains("rolled back") == true)
  }

  /// The answer to COMMIT is lost on the way, once after the server committed and once before it heard of it.
  @Test(arguments: [true, false])
  func aLostCommitIsUnknown(serverHears: Bool) throws {
    let settings = try table()
    let proxy = try CommitProxy(settings, passCommit: serverHears)
    var through = settings
    through.connection = proxy.connection(settings)
    let connection = try PostgresConnection(through)
    let error = failure { () throws(PostgresError) in
      try connection.transaction { connection throws(PostgresError) -> TransactionEnd<Void> in
        try connection.execute("INSERT INTO t VALUES (1)")
        return .commit(())
      }
    }
    #expect(error?.kind == .retry)
    #expect(error?.outcomeUnknown == true)
    #expect(!connection.isOpen)
    #expect(try count(settings) == (serverHears ? 1 : 0))
  }

  @Test func beforeCommitNothingIsUnknown() throws {
    let settings = try table()
    let (connection, killer) = (
      try PostgresConnection(settings), try PostgresConnection(settings)
    )
    let error = failure { () throws(PostgresError) in
      try connection.transaction { connection throws(PostgresError) -> TransactionEnd<Void> in
        let pid = try connection.execute("SELECT pg_backend_pid()").int4(0, 0)
        try killer.execute("SELECT pg_terminate_backend($1, 5000)", [.int4(pid)])
        try connection.execute("INSERT INTO t VALUES (1)")
        return .commit(())
      }
    }
    #expect(error?.kind == .retry)
    #expect(error?.outcomeUnknown == false)
    #expect(error?.connectionLost == true)
    #expect(try count(settings) == 0)
  }
}

@Suite struct SessionTests {
  @Test func comesBackAfterALoss() throws {
    let settings = try freshSettings()
    let session = PostgresSession(settings)
    let pid = try session.connection().execute("SELECT pg_backend_pid()").int4(0, 0)
    try PostgresConnection(settings).execute("SELECT pg_terminate_backend($1, 5000)", [.int4(pid)])
    let error = failure { () throws(PostgresError) in
      try session.connection().execute("SELECT 1")
    }
    #expect(error?.connectionLost == true)
    #expect(try session.connection().execute("SELECT 1").int4(0, 0) == 1)
    #expect(session.connectionsMade == 2)
  }

  @Test func backsOffWithoutTryingAndWithoutSleeping() {
    let session = PostgresSession(
      PostgresSettings(connection: "host=/nowhere"),
      backoff: Backoff(initialMs: 60_000, maximumMs: 60_000))
    #expect(session.isDue)
    #expect(
      failure { () throws(PostgresError) in try session.connection() }?.connectionLost == true)
    #expect(!session.isDue)
    let started = MonotonicTime.now
    let error = failure { () throws(PostgresError) in try session.connection() }
    #expect(error?.message.hasPrefix("backing off") == true)
    #expect(started.adding(ms: 1_000) > .now)
    #expect(session.retryAt.map { $0 > .now } == true)
    session.succeeded()
    #expect(session.isDue)
  }

  /// An owner looks more often than the waits are long, and says of each refusal that it failed.
  @Test func anImpatientOwnerDoesNotPutOffTheNextTry() {
    let session = PostgresSession(
      PostgresSettings(connection: "host=/nowhere"),
      backoff: Backoff(initialMs: 100, maximumMs: 100))
    var tries = 0
    let isTriedAgain = eventually(within: 10, everyMs: 5) {
      let error = failure { () throws(PostgresError) in try session.connection() }
      if let error {
        session.failed(error)
        if !error.message.hasPrefix("backing off") { tries += 1 }
      }
      return tries == 3
    }
    #expect(isTriedAgain)
  }
}
