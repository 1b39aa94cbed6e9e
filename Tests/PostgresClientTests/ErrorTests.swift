import PostgresClient
import Testing

@Suite struct ErrorTests {
  @Test(arguments: [
    ("08006", "retry"), ("53300", "retry"), ("53100", "retry"), ("57P01", "retry"),
    ("57014", "retry"), ("55P03", "retry"), ("40P01", "retry"), ("40001", "retry"),
    ("25006", "retry"), ("58030", "retry"), ("XX000", "retry"), ("99999", "retry"),
    ("22P02", "data"), ("22021", "data"), ("23505", "data"), ("23514", "data"), ("54000", "data"),
    ("42P01", "configuration"), ("42501", "configuration"), ("28P01", "configuration"),
    ("3D000", "configuration"), ("25P02", "configuration"), ("XX001", "corruption"),
    ("XX002", "corruption"),
  ])
  func statesAreJudged(state: String, kind: String) {
    #expect(
      PostgresError.kind(ofState: state, constraint: "", invariants: ["never"]).rawValue == kind)
  }

  @Test func aNamedInvariantIsCorruptionWhateverItsState() {
    #expect(
      PostgresError.kind(ofState: "23514", constraint: "t_sum", invariants: ["t_sum"])
        == .corruption)
    #expect(
      PostgresError.kind(ofState: "23514", constraint: "other", invariants: ["t_sum"]) == .data)
  }

  @Test func theServersRefusalsArriveWithStateConstraintAndWithoutValues() throws {
    let connection = try PostgresConnection(try freshSettings { $0.invariants = ["t_sum"] })
    try connection.executeScript(
      """
      CREATE TABLE t (x int CONSTRAINT t_key PRIMARY KEY, y int CONSTRAINT t_sum CHECK (y >= 0));
      INSERT INTO t VALUES (4711, 1);
      """)
    let twice = failure { () throws(PostgresError) in
      try connection.execute("INSERT INTO t VALUES (4711, 1)")
    }
    #expect(twice?.kind == .data)
    #expect(twice?.sqlState == "23505")
    #expect(twice?.constraint == "t_key")
    #expect(twice?.detail.contains("4711") == true)
    #expect(twice.map { "\($0)".contains("4711") } == false)
    let below = failure { () throws(PostgresError) in try connection.execute("UPDATE t SET y = -1")
    }
    #expect(below?.kind == .corruption)
    let absent = failure { () throws(PostgresError) in try connection.execute("SELECT * FROM u") }
    #expect(absent?.kind == .configuration)
    let readOnly = failure { () throws(PostgresError) in
      try connection.executeScript("BEGIN READ ONLY; DELETE FROM t")
    }
    #expect(readOnly?.sqlState == "25006")
    #expect(readOnly?.kind == .retry)
    #expect(connection.isOpen)
  }

  @Test func waitingForALockEnds() throws {
    let settings = try freshSettings { $0.lockTimeoutMs = 100 }
    let (one, two) = (try PostgresConnection(settings), try PostgresConnection(settings))
    try one.executeScript("CREATE TABLE t (x int); INSERT INTO t VALUES (1)")
    try one.executeScript("BEGIN; LOCK TABLE t")
    let error = failure { () throws(PostgresError) in try two.execute("UPDATE t SET x = 2") }
    #expect(error?.sqlState == "55P03")
    #expect(error?.kind == .retry)
    #expect(error?.outcomeUnknown == false)
    #expect(two.isOpen)
  }

  @Test func aSlowStatementIsEndedByTheServer() throws {
    let connection = try PostgresConnection(try freshSettings { $0.statementTimeoutMs = 100 })
    let error = failure { () throws(PostgresError) in try connection.execute("SELECT pg_sleep(20)")
    }
    #expect(error?.sqlState == "57014")
    #expect(error?.kind == .retry)
    #expect(try connection.execute("SELECT 1").int4(0, 0) == 1)
  }

  @Test func copyIsRefusedInsteadOfHanging() throws {
    let connection = try PostgresConnection(try freshSettings())
    let error = failure { () throws(PostgresError) in
      try connection.execute("COPY (SELECT 1) TO STDOUT")
    }
    #expect(error?.kind == .configuration)
    #expect(!connection.isOpen)
  }

  @Test func settingsNeverShowTheirSecrets() {
    let settings = PostgresSettings(connection: "password=hush1", password: "hush2")
    var dumped = ""
    dump(settings, to: &dumped)
    #expect(!"\(settings) \(String(reflecting: settings)) \(dumped)".contains("hush"))
  }
}
