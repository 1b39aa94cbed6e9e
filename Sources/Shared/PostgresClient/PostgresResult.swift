internal import CPq

/// Rows of a statement, in binary. It belongs to the thread that ran the statement.
///
/// Asking for a column that is not there, or for another type than it has, is a mistake in our own SQL
/// and traps. A NULL gives nil from the optional accessors and traps in the others.
public final class PostgresResult {
  private let result: OpaquePointer

  /// Takes the result over; cleared once, here.
  init(_ result: OpaquePointer) { self.result = result }

  deinit { PQclear(result) }

  public var rowCount: Int { Int(PQntuples(result)) }

  /// Rows that an INSERT, UPDATE or DELETE touched; 0 for others.
  public var affectedRows: Int { Int(String(cString: PQcmdTuples(result))) ?? 0 }

  /// The server's word for what it did, as `COMMIT` or `INSERT 0 1`.
  public var commandTag: String { String(cString: PQcmdStatus(result)) }

  public func int8(_ row: Int, _ column: Int) -> Int64 { required(optionalInt8(row, column)) }
  public func int4(_ row: Int, _ column: Int) -> Int32 { Int32(int8(row, column)) }
  public func bool(_ row: Int, _ column: Int) -> Bool { required(optionalBool(row, column)) }
  public func text(_ row: Int, _ column: Int) -> String { required(optionalText(row, column)) }
  public func bytea(_ row: Int, _ column: Int) -> [UInt8] { required(optionalBytea(row, column)) }

  /// Any of smallint, integer, bigint.
  public func optionalInt8(_ row: Int, _ column: Int) -> Int64? {
    guard let bytes = bytes(row, column, [TypeID.int8, TypeID.int4, TypeID.int2]) else {
      return nil
    }
    var value: Int64 = (bytes.first ?? 0) & 0x80 == 0 ? 0 : -1
    for byte in bytes { value = value << 8 | Int64(byte) }
    return value
  }

  public func optionalBool(_ row: Int, _ column: Int) -> Bool? {
    bytes(row, column, [TypeID.bool]).map { $0.first == 1 }
  }

  public func optionalText(_ row: Int, _ column: Int) -> String? {
    bytes(row, column, [TypeID.text, TypeID.varchar, TypeID.name]).map {
      String(decoding: $0, as: UTF8.self)
    }
  }

  public func optionalBytea(_ row: Int, _ column: Int) -> [UInt8]? {
    bytes(row, column, [TypeID.bytea]).map { Array($0) }
  }

  private func required<Value>(_ value: Value?) -> Value {
    guard let value else { preconditionFailure("NULL where a value must be") }
    return value
  }

  /// The value's bytes, valid while this result lives; nil for NULL.
  private func bytes(_ row: Int, _ column: Int, _ types: [UInt32]) -> UnsafeRawBufferPointer? {
    precondition(row >= 0 && row < rowCount, "no such row")
    precondition(column >= 0 && column < Int(PQnfields(result)), "no such column")
    precondition(PQfformat(result, Int32(column)) == 1, "a result that is not binary")
    precondition(types.contains(PQftype(result, Int32(column))), "a column of another type")
    if PQgetisnull(result, Int32(row), Int32(column)) == 1 { return nil }
    return UnsafeRawBufferPointer(
      start: PQgetvalue(result, Int32(row), Int32(column)),
      count: Int(PQgetlength(result, Int32(row), Int32(column))))
  }
}
