import PostgresClient
import Stock

/// Postgres' side of a recovery.
struct RecoveryTables {
  /// Rows that one FETCH brings.
  static let page = 5_000
  /// Held by the one that recovers. Any number, ours alone.
  static let lockKey: Int64 = 0x736c_6964_7265_6376

  let connection: PostgresConnection

  init(_ connection: PostgresConnection) { self.connection = connection }

  /// A session for the lock: a holder that stops in the middle of anything loses it. A statement may take as long as a
  /// step: a rebuild reads all of an activity's rows, however long other statements may be.
  static func session(_ settings: RecoverySettings) throws(PostgresError) -> RecoveryTables {
    var postgres = settings.postgres
    postgres.statementTimeoutMs = settings.timing.stepLimitMs
    let connection = try PostgresConnection(postgres)
    let limit = PostgresValue.text("\(settings.lockIdleMs)ms")
    try connection.execute(
      """
      SELECT set_config('idle_session_timeout', $1, false),
        set_config('idle_in_transaction_session_timeout', $1, false)
      """, [limit])
    return RecoveryTables(connection)
  }

  /// False when somebody else holds it. It ends with the session.
  func tryLock() throws(PostgresError) -> Bool {
    try connection.execute("SELECT pg_try_advisory_lock($1)", [.int8(Self.lockKey)]).bool(0, 0)
  }

  /// Whether anybody holds it.
  func isLocked() throws(PostgresError) -> Bool {
    try connection.execute(
      """
      SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted
        AND ((classid::bigint << 32) | objid::bigint) = $1 AND objsubid = 1
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
      """, [.int8(Self.lockKey)]
    ).bool(0, 0)
  }

  /// So that the session is not ended for being idle.
  func touch() throws(PostgresError) { try connection.execute("SELECT 1") }

  func epoch() throws(PostgresError) -> Int64 {
    try connection.execute("SELECT epoch FROM deployment").int8(0, 0)
  }

  func open(retentionHours: Int) throws(PostgresError) -> RecoveryNeed.PostgresView {
    let found = try connection.execute(
      sqlText(PackageResources.read_open_sql), [.int4(Int32(retentionHours))])
    return RecoveryNeed.PostgresView(
      epoch: found.int8(0, 0), isFenceGiven: found.bool(0, 1),
      activities: (0..<found.rowCount).compactMap { row in
        found.optionalInt8(row, 2).flatMap { ActivityID($0) }
      })
  }

  /// Committed on disk, whatever the server's default is. nil: no epoch is left above.
  func advanceEpoch(above floor: Int64) throws(PostgresError) -> Int64? {
    try connection.transaction { connection throws(PostgresError) in
      try connection.execute("SET LOCAL synchronous_commit = on")
      let found = try connection.execute(
        sqlText(PackageResources.advance_epoch_sql),
        [.int8(floor), .int8(KnownEpoch.range.upperBound)])
      return .commit(found.rowCount == 0 ? nil : found.int8(0, 0))
    }
  }

  func passedBarriers(_ epoch: Int64, topic: String) throws(PostgresError) -> Set<Int32> {
    let found = try connection.execute(
      sqlText(PackageResources.passed_barriers_sql), [.text(topic), .int8(epoch)])
    return Set((0..<found.rowCount).map { found.int4($0, 0) })
  }

  /// How many rows a rebuild of these would read.
  func rowCount(_ activities: [ActivityID]) throws(PostgresError) -> Int64 {
    try connection.execute(
      """
      SELECT (SELECT count(*) FROM claim WHERE activity = ANY ($1))
        + (SELECT count(*) FROM released_request WHERE activity = ANY ($1))
      """, [.int8Array(activities.map(\.value))]
    ).int8(0, 0)
  }
}

/// What a rebuild knows of an activity beside its rows.
struct RebuildTerms: Equatable, Sendable {
  var total: Int64
  var limit: Int64
  var opensMs: Int64
  var closesMs: Int64
}

extension RecoveryTables {
  /// Reads an activity as of one moment and gives it to `stage` piece by piece; nil when it is not open.
  ///
  /// Errors of `stage` are thrown on; the transaction is rolled back then.
  func rebuild(
    _ id: ActivityID, topic: String, stage: (Rebuild.Chunk) throws -> Void
  ) throws -> (terms: RebuildTerms, totals: Rebuild.Totals)? {
    try connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    do {
      let rebuilt = try read(id, topic, stage)
      try connection.execute("COMMIT")
      return rebuilt
    } catch {
      // What cannot be rolled back is given up, and with it the lock.
      if connection.isOpen {
        do { try connection.execute("ROLLBACK") } catch { connection.close() }
      }
      throw error
    }
  }

  private func read(
    _ id: ActivityID, _ topic: String, _ stage: (Rebuild.Chunk) throws -> Void
  ) throws -> (terms: RebuildTerms, totals: Rebuild.Totals)? {
    let found = try connection.execute(
      sqlText(PackageResources.read_rebuild_sql), [.int8(id.value)])
    if found.rowCount == 0 { return nil }
    let terms = RebuildTerms(
      total: found.int8(0, 0), limit: found.int8(0, 1), opensMs: found.int8(0, 2),
      closesMs: found.int8(0, 3))
    var rebuild = Rebuild(total: terms.total, letters: try letters(id, topic))
    try connection.execute(sqlText(PackageResources.rebuild_rows_sql), [.int8(id.value)])
    while true {
      let page = try connection.execute("FETCH \(Self.page) FROM rebuild_rows")
      if page.rowCount == 0 { break }
      try stage(rebuild.add((0..<page.rowCount).map { RebuildRow(page, $0) }))
    }
    try stage(rebuild.finish())
    return (terms, rebuild.totals)
  }

  private func letters(_ id: ActivityID, _ topic: String) throws(PostgresError) -> [RebuildLetter] {
    let found = try connection.execute(
      sqlText(PackageResources.rebuild_letters_sql), [.text(topic), .text(id.description)])
    return (0..<found.rowCount).compactMap { row in
      RebuildLetter(
        of: id, key: found.optionalBytea(row, 0), payload: found.optionalBytea(row, 1),
        isUnresolved: found.bool(row, 2))
    }
  }
}

extension RebuildRow {
  fileprivate init(_ page: PostgresResult, _ row: Int) {
    let kind: Kind =
      switch page.int4(row, 5) {
      case 0: .claimed
      case 1: .released
      default: .releasedRequest
      }
    self.init(
      kind: kind, user: page.text(row, 0), request: page.text(row, 1), slot: page.int8(row, 2),
      seq: page.int8(row, 3), epoch: page.int8(row, 4))
  }
}
