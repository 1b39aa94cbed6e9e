import PostgresClient

/// Where partitions stand, read from Postgres.
struct Positions {
  let topic: String

  private static let read = PreparedStatement(
    name: "read_offsets", sql: sqlText(PackageResources.read_offsets_sql))

  /// The next offset to apply of each; partitions that were never read begin at 0.
  func read(_ partitions: [Int32], on connection: PostgresConnection) throws(PostgresError)
    -> [Int32: Int64]
  {
    let found = try connection.execute(Self.read, [.text(topic), .int4Array(partitions)])
    var next: [Int32: Int64] = [:]
    for row in 0..<found.rowCount { next[found.int4(row, 0)] = found.int8(row, 1) }
    // A row that another worker made between the statement's snapshot and its insert is in neither half.
    guard next.count == Set(partitions).count else {
      throw PostgresError(kind: .retry, sqlState: "40001", message: "a position appeared meanwhile")
    }
    return next
  }
}
