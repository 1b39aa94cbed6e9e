import PostgresClient
import Stock

/// An activity's row.
struct ActivityRow: Equatable {
  var id: Int64
  var name: String
  var total: Int64
  var surplus: Int64
  var limit: Int64
  var opensMs: Int64
  var closesMs: Int64
  var state: String
}

/// Activities in Postgres.
struct ActivityStore {
  let connection: PostgresConnection

  func read(_ id: ActivityID) throws(PostgresError) -> ActivityRow? {
    try rows(.int8(id.value)).first
  }

  func all() throws(PostgresError) -> [ActivityRow] { try rows(.null) }

  /// Does nothing if the id is taken.
  func insert(_ row: ActivityRow) throws(PostgresError) {
    try connection.execute(
      sqlText(PackageResources.insert_activity_sql),
      [
        .int8(row.id), .text(row.name), .int4(Int32(row.total)), .int4(Int32(row.limit)),
        .int8(row.opensMs), .int8(row.closesMs),
      ])
  }

  func preheatTerms() throws(PostgresError) -> (epoch: Int64, wasAnyOpen: Bool) {
    let found = try connection.execute(sqlText(PackageResources.read_preheat_sql))
    return (found.int8(0, 0), found.bool(0, 1))
  }

  /// Opens it if the epoch is still that of its preheat; gives state and epoch as they are then.
  func open(_ id: Int64, epoch: Int64) throws(PostgresError) -> (state: String, epoch: Int64) {
    let found = try connection.execute(
      sqlText(PackageResources.open_activity_sql), [.int8(id), .int8(epoch)])
    return (found.optionalText(0, 0) ?? "", found.int8(0, 1))
  }

  func counts(_ id: Int64) throws(PostgresError) -> (held: Int64, released: Int64) {
    let found = try connection.execute(sqlText(PackageResources.count_claims_sql), [.int8(id)])
    return (found.int8(0, 0), found.int8(0, 1))
  }

  private func rows(_ id: PostgresValue) throws(PostgresError) -> [ActivityRow] {
    let found = try connection.execute(sqlText(PackageResources.read_activities_sql), [id])
    return (0..<found.rowCount).map { row in
      ActivityRow(
        id: found.int8(row, 0), name: found.text(row, 1), total: found.int8(row, 2),
        surplus: found.int8(row, 3), limit: found.int8(row, 4), opensMs: found.int8(row, 5),
        closesMs: found.int8(row, 6), state: found.text(row, 7))
    }
  }
}
