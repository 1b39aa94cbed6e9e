import PostgresClient
import Testing

@Suite struct ValueTests {
  @Test func everyTypeComesBackAsItWent() throws {
    let connection = try PostgresConnection(try freshSettings())
    let result = try connection.execute(
      "SELECT $1::int4, $2::int8, $3::text, $4::bytea, $5::bool, $6::text, $7::text, $8::int2",
      [
        .int4(.min), .int8(.max), .text("slot „7“ 抽奖"), .bytea([0, 1, 255]), .bool(true), .null,
        .text(""), .int4(-7),
      ])
    #expect(result.rowCount == 1)
    #expect(result.int4(0, 0) == .min)
    #expect(result.int8(0, 1) == .max)
    #expect(result.text(0, 2) == "slot „7“ 抽奖")
    #expect(result.bytea(0, 3) == [0, 1, 255])
    #expect(result.bool(0, 4))
    #expect(result.optionalText(0, 5) == nil)
    #expect(result.text(0, 6) == "")
    #expect(result.int8(0, 7) == -7)
  }

  @Test func arraysKeepOrderAndEmptyElements() throws {
    let connection = try PostgresConnection(try freshSettings())
    let result = try connection.execute(
      """
      SELECT a, b, c, d, e
      FROM unnest($1::int4[], $2::int8[], $3::text[], $4::bytea[], $5::bool[])
      WITH ORDINALITY AS t(a, b, c, d, e, n) ORDER BY n
      """,
      [
        .int4Array([1, -2]), .int8Array([1 << 40, -3]), .textArray(["", "{\"a\",'b'}"]),
        .byteaArray([[], [0]]), .boolArray([false, true]),
      ])
    #expect(result.rowCount == 2)
    #expect((0..<2).map { result.int4($0, 0) } == [1, -2])
    #expect((0..<2).map { result.int8($0, 1) } == [1 << 40, -3])
    #expect((0..<2).map { result.text($0, 2) } == ["", "{\"a\",'b'}"])
    #expect((0..<2).map { result.bytea($0, 3) } == [[], [0]])
    #expect((0..<2).map { result.bool($0, 4) } == [false, true])
  }

  @Test func anEmptyArrayIsEmptyAndANullElementIsNull() throws {
    let connection = try PostgresConnection(try freshSettings())
    let result = try connection.execute(
      "SELECT cardinality($1::text[]), $2::int8[] = '{}', ($3::bytea[])[1], ($3::bytea[])[2]",
      [.textArray([]), .int8Array([]), .byteaArray([nil, [3]])])
    #expect(result.int4(0, 0) == 0)
    #expect(result.bool(0, 1))
    #expect(result.optionalBytea(0, 2) == nil)
    #expect(result.bytea(0, 3) == [3])
  }

  @Test func aParameterIsNeverReadAsSQL() throws {
    let connection = try PostgresConnection(try freshSettings())
    try connection.execute("CREATE TABLE t (x text)")
    let evil = "'); DROP TABLE t; --"
    let inserted = try connection.execute("INSERT INTO t VALUES ($1)", [.text(evil)])
    #expect(inserted.affectedRows == 1)
    #expect(inserted.commandTag == "INSERT 0 1")
    #expect(try connection.execute("SELECT x FROM t").text(0, 0) == evil)
  }

  @Test func aPreparedStatementServesManyCallsAndSurvivesARollback() throws {
    let connection = try PostgresConnection(try freshSettings())
    let add = PreparedStatement(name: "add", sql: "SELECT $1::int8 + $2::int8")
    _ = try connection.transaction { connection throws(PostgresError) in
      .rollback(try connection.execute(add, [.int8(1), .int8(2)]).int8(0, 0))
    }
    for number in Int64(0)..<20 {
      #expect(try connection.execute(add, [.int8(number), .int8(1)]).int8(0, 0) == number + 1)
    }
  }

  @Test func megabytesGoBothWays() throws {
    let connection = try PostgresConnection(try freshSettings())
    let bytes = [UInt8](repeating: 7, count: 8 << 20)
    #expect(try connection.execute("SELECT $1::bytea", [.bytea(bytes)]).bytea(0, 0) == bytes)
  }

  @Test func aScriptRunsAllItsStatementsOrNone() throws {
    let connection = try PostgresConnection(try freshSettings())
    try connection.executeScript("CREATE TABLE a (x int); INSERT INTO a VALUES (1), (2);")
    #expect(try connection.execute("SELECT count(*) FROM a").int8(0, 0) == 2)
    let error = failure { () throws(PostgresError) in
      try connection.executeScript("INSERT INTO a VALUES (3); SELECT 1/0; INSERT INTO a VALUES (4)")
    }
    #expect(error?.sqlState == "22012")
    #expect(try connection.execute("SELECT count(*) FROM a").int8(0, 0) == 2)
  }
}
