import PostgresClient
import Stock

/// Postgres' side of a reconciliation.
struct PostgresSide {
  /// Held by the worker that reconciles on schedule. Any number, ours alone.
  private static let advisoryKey: Int64 = 0x736c_6964_7265_6373
  /// Longest silence of the session that holds it: far more than a turn is busy elsewhere, so that only a stopped or
  /// cut off worker loses it.
  static let lockIdleMs = 120_000

  let topic: String
  let connection: PostgresConnection

  /// False when another worker holds it. It ends with the session, and that when nothing is heard of it.
  func tryLock() throws(PostgresError) -> Bool {
    try connection.execute(
      """
      SELECT set_config('idle_session_timeout', $1, false),
        set_config('idle_in_transaction_session_timeout', $1, false)
      """, [.text("\(Self.lockIdleMs)ms")])
    return try connection.execute("SELECT pg_try_advisory_lock($1)", [.int8(Self.advisoryKey)])
      .bool(0, 0)
  }

  /// All activities, and those of them whose retention is over.
  func activities(retentionHours: Int) throws(PostgresError) -> (
    all: Set<ActivityID>, over: [ActivityID]
  ) {
    let found = try connection.execute(
      sqlText(PackageResources.activities_by_retention_sql), [.int4(Int32(retentionHours))])
    var (all, over) = (Set<ActivityID>(), [ActivityID]())
    for row in 0..<found.rowCount {
      guard let id = ActivityID(found.int8(row, 0)) else { continue }
      all.insert(id)
      if found.bool(row, 1) { over.append(id) }
    }
    return (all, over)
  }

  struct Surplus: Equatable {
    var total: Int64
    var surplus: Int64
    var held: Int64
  }

  /// As of one moment; nil when there is no such activity.
  func surplus(_ id: ActivityID) throws(PostgresError) -> Surplus? {
    let found = try connection.execute(
      sqlText(PackageResources.surplus_check_sql), [.int8(id.value)])
    if found.rowCount == 0 { return nil }
    return Surplus(total: found.int8(0, 0), surplus: found.int8(0, 1), held: found.int8(0, 2))
  }

  /// What the locks of a range of slots should be, if nothing is on its way.
  func locks(_ id: ActivityID, _ range: ClosedRange<Int64>) throws(PostgresError)
    -> [Int64: String]
  {
    let found = try connection.execute(
      PreparedStatement(
        name: "claims_of_range", sql: sqlText(PackageResources.claims_of_range_sql)),
      [.int8(id.value), .int4(Int32(range.lowerBound)), .int4(Int32(range.upperBound))])
    var locks: [Int64: String] = [:]
    locks.reserveCapacity(found.rowCount)
    for row in 0..<found.rowCount { locks[found.int8(row, 0)] = found.text(row, 1) }
    return locks
  }

  func rows(_ id: ActivityID, _ slots: [Int64]) throws(PostgresError) -> [Int64: SlotView.Row] {
    let found = try connection.execute(
      sqlText(PackageResources.claims_of_slots_sql),
      [.int8(id.value), .int4Array(slots.map { Int32($0) })])
    var rows: [Int64: SlotView.Row] = [:]
    for row in 0..<found.rowCount {
      rows[found.int8(row, 0)] = SlotView.Row(
        seq: found.int8(row, 1), isClaimed: found.bool(row, 2), user: found.text(row, 3),
        request: found.text(row, 4), epoch: found.int8(row, 5), eventMs: found.int8(row, 6))
    }
    return rows
  }

  /// Dead letters by the slot that their key names.
  func letters(_ id: ActivityID, _ slots: [Int64]) throws(PostgresError)
    -> [Int64: [SlotView.Letter]]
  {
    let found = try connection.execute(
      sqlText(PackageResources.letters_of_keys_sql),
      [.text(topic), .byteaArray(slots.map { Array(lockKey(id, $0).utf8) })])
    var letters: [Int64: [SlotView.Letter]] = [:]
    for row in 0..<found.rowCount {
      let letter = StoredLetter(found, row)
      guard let slot = letter.slot?.number else { continue }
      letters[slot, default: []].append(
        SlotView.Letter(
          event: letter.event, reason: letter.reason, resolution: letter.resolution,
          firstSeenMs: letter.firstSeenMs, partition: letter.partition, offset: letter.offset))
    }
    return letters
  }

  /// The slot that a request holds.
  func keptSlot(_ id: ActivityID, user: String, request: String) throws(PostgresError) -> Int64? {
    let own = try own(id, user, request)
    return own.flatMap { $0.isClaimed ? $0.slot : nil }
  }

  /// The slot that a request holds, or gave back and nobody has got since.
  func ownSlot(_ id: ActivityID, user: String, request: String) throws(PostgresError) -> Int64? {
    try own(id, user, request)?.slot
  }

  private func own(_ id: ActivityID, _ user: String, _ request: String) throws(PostgresError)
    -> (slot: Int64, isClaimed: Bool)?
  {
    let found = try connection.execute(
      sqlText(PackageResources.kept_slot_sql), [.int8(id.value), .text(user), .text(request)])
    return found.rowCount == 0 ? nil : (found.int8(0, 0), found.bool(0, 1))
  }

  /// Next offsets to apply; partitions that were never read are not in it.
  func positions() throws(PostgresError) -> [Int32: Int64] {
    let found = try connection.execute(
      "SELECT partition, next FROM consumer_offset WHERE topic = $1", [.text(topic)])
    var next: [Int32: Int64] = [:]
    for row in 0..<found.rowCount { next[found.int4(row, 0)] = found.int8(row, 1) }
    return next
  }
}
