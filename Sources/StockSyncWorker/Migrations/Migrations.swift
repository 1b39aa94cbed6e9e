import PostgresClient

/// The numbered `.sql` files, each applied once, in order.
struct Migration: Sendable {
  let version: Int32
  let name: String
  let sql: String
}

/// Why the database cannot be brought to, or is not at, this program's version.
enum MigrationError: Error, CustomStringConvertible {
  case postgres(PostgresError)
  /// A newer program was here.
  case newer(Int32)
  /// What was applied is not what this program holds under that number.
  case differs(Int32, name: String)
  /// `migrate` has to be run first.
  case behind(have: Int32, need: Int32)

  var description: String {
    switch self {
    case .postgres(let error): error.description
    case .newer(let version): "the database is at version \(version), newer than this program"
    case .differs(let version, let name):
      "migration \(version) (\(name)) was applied with other contents"
    case .behind(let have, let need):
      "the database is at version \(have) and \(need) is needed: run 'StockSyncWorker migrate'"
    }
  }
}

enum Migrations {
  static let all = [
    Migration(version: 1, name: "tables", sql: sqlText(PackageResources._001_tables_sql)),
    Migration(
      version: 2, name: "dead_letter_resolution",
      sql: sqlText(PackageResources._002_dead_letter_resolution_sql)),
    Migration(
      version: 3, name: "fence_right", sql: sqlText(PackageResources._003_fence_right_sql)),
    Migration(
      version: 4, name: "activity_is_never_selective",
      sql: sqlText(PackageResources._004_activity_is_never_selective_sql)),
  ]

  /// Taken by every `migrate` on the database, so that one runs at a time. Any number, ours alone.
  private static let lockKey: Int64 = 0x736c_6964_696e_6731

  private static let table = """
    CREATE TABLE IF NOT EXISTS schema_migration (
      version integer PRIMARY KEY,
      name text NOT NULL,
      sha256 text NOT NULL,
      applied_at timestamptz NOT NULL DEFAULT now()
    )
    """

  /// Applies what is missing, each in a transaction of its own. Returns what it applied.
  static func apply(_ migrations: [Migration] = all, on connection: PostgresConnection)
    throws(MigrationError) -> [Migration]
  {
    var applied: [Migration] = []
    for migration in migrations {
      let end: Result<Bool, MigrationError>
      do throws(PostgresError) {
        end = try connection.transaction { connection throws(PostgresError) in
          try connection.execute("SELECT pg_advisory_xact_lock($1)", [.int8(lockKey)])
          try connection.execute(table)
          do throws(MigrationError) {
            if try isApplied(migration, of: migrations, on: connection) {
              return .commit(.success(false))
            }
          } catch {
            return .rollback(.failure(error))
          }
          try connection.executeScript(migration.sql)
          try connection.execute(
            """
            INSERT INTO schema_migration (version, name, sha256)
            VALUES ($1, $2, encode(sha256($3), 'hex'))
            """,
            [.int4(migration.version), .text(migration.name), .bytea(Array(migration.sql.utf8))])
          return .commit(.success(true))
        }
      } catch {
        throw .postgres(error)
      }
      if try end.get() { applied.append(migration) }
    }
    return applied
  }

  /// Throws unless the database is at exactly this program's version.
  static func verify(_ migrations: [Migration] = all, on connection: PostgresConnection)
    throws(MigrationError)
  {
    let isThere: Bool
    do throws(PostgresError) {
      isThere = try connection.execute(
        "SELECT to_regclass('schema_migration') IS NOT NULL"
      ).bool(0, 0)
    } catch {
      throw .postgres(error)
    }
    let need = migrations.last?.version ?? 0
    if !isThere { throw .behind(have: 0, need: need) }
    for migration in migrations {
      guard try isApplied(migration, of: migrations, on: connection) else {
        throw .behind(have: migration.version - 1, need: need)
      }
    }
  }

  private static func isApplied(
    _ migration: Migration, of migrations: [Migration], on connection: PostgresConnection
  ) throws(MigrationError) -> Bool {
    let newest: Int32
    let found: PostgresResult
    do throws(PostgresError) {
      newest = try connection.execute("SELECT coalesce(max(version), 0) FROM schema_migration")
        .int4(0, 0)
      found = try connection.execute(
        "SELECT sha256 = encode(sha256($2), 'hex') FROM schema_migration WHERE version = $1",
        [.int4(migration.version), .bytea(Array(migration.sql.utf8))])
    } catch {
      throw .postgres(error)
    }
    if newest > migrations.last?.version ?? 0 { throw .newer(newest) }
    if found.rowCount == 0 { return false }
    guard found.bool(0, 0) else {
      throw .differs(migration.version, name: migration.name)
    }
    return true
  }
}

/// An embedded file as a statement.
func sqlText(_ file: [UInt8]) -> String { String(decoding: file, as: UTF8.self) }
