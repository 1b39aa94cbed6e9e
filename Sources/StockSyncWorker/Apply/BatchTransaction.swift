import PostgresClient
import Protections
import Stock

/// What one committed batch did.
struct Applied: Sendable, Equatable {
  var events = 0
  /// Claims minus releases that really changed the tables.
  var heldChange: Int64 = 0
  /// Releases of claims that had been rejected because their request holds another slot.
  var givenBack = 0
  var deadLetters: [DeadLetter] = []

  static func + (left: Applied, right: Applied) -> Applied {
    Applied(
      events: left.events + right.events, heldChange: left.heldChange + right.heldChange,
      givenBack: left.givenBack + right.givenBack,
      deadLetters: left.deadLetters + right.deadLetters)
  }
}

/// One batch as one transaction.
struct BatchTransaction {
  /// The constraint whose violation means that the tables contradict each other.
  static let surplusInvariant = "activity_surplus"

  /// How apply_claims.sql names the release of a rejected claim.
  private static let givenBack = "given_back"

  /// For the connection that applies. All joins of its statements are events to unique keys; a plan that was made when
  /// the tables were small, and reads or keeps them whole, would stay until somebody analyses them.
  static let parameters = [
    "enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off",
    "enable_material": "off", "jit": "off",
  ]

  enum Outcome: Sendable, Equatable {
    case committed(Applied)
    /// Somebody else moved the position: nothing was done.
    case positionLost
  }

  let topic: String
  #if TEST_SWITCHES
    /// Called before a step that a test may hold.
    var hold: (@Sendable (String) -> Void)?
  #endif

  private static let lockOffsets = prepared("lock_offsets", PackageResources.lock_offsets_sql)
  private static let advance = prepared("advance_offsets", PackageResources.advance_offsets_sql)
  private static let applyClaims = prepared("apply_claims", PackageResources.apply_claims_sql)
  private static let remember = prepared(
    "remember_releases", PackageResources.remember_releases_sql)
  private static let bury = prepared("bury", PackageResources.bury_sql)
  private static let changeSurplus = prepared(
    "change_surplus", PackageResources.change_surplus_sql)
  private static let readTotals = prepared("read_totals", PackageResources.read_totals_sql)

  private static func prepared(_ name: String, _ file: [UInt8]) -> PreparedStatement {
    PreparedStatement(name: name, sql: sqlText(file))
  }

  func run(_ batch: Batch, on connection: PostgresConnection) throws(PostgresError) -> Outcome {
    try connection.transaction { connection throws(PostgresError) in
      guard let barrierEpochs = try lock(batch, on: connection) else {
        return .rollback(.positionLost)
      }
      let known = BatchPlan.Known(
        totals: try totals(of: batch, on: connection), barrierEpochs: barrierEpochs)
      let plan = BatchPlan(batch, known)
      try advance(batch, plan.barriers, on: connection)
      var applied = Applied(events: batch.messages.count, deadLetters: plan.deadLetters)
      let changes = try apply(plan, &applied, on: connection)
      try bury(applied.deadLetters, on: connection)
      try change(changes, on: connection)
      #if TEST_SWITCHES
        if let hold {
          hold("commit")
          connection.whenNextIsSent = { hold("committing") }
        }
      #endif
      return .commit(.committed(applied))
    }
  }

  /// Barrier epochs of the batch's partitions, or nil when one does not stand where the batch begins.
  private func lock(_ batch: Batch, on connection: PostgresConnection) throws(PostgresError)
    -> [Int32: Int64]?
  {
    let found = try connection.execute(
      Self.lockOffsets, [.text(topic), .int4Array(batch.partitions)])
    var next: [Int32: Int64] = [:]
    var barrierEpochs: [Int32: Int64] = [:]
    for row in 0..<found.rowCount {
      next[found.int4(row, 0)] = found.int8(row, 1)
      barrierEpochs[found.int4(row, 0)] = found.int8(row, 2)
    }
    return next == batch.start ? barrierEpochs : nil
  }

  /// Holds one partition's position, so that nobody else applies an event of its slots meanwhile.
  func hold(_ partition: Int32, on connection: PostgresConnection) throws(PostgresError) {
    try connection.execute(Self.lockOffsets, [.text(topic), .int4Array([partition])])
  }

  private func advance(
    _ batch: Batch, _ barriers: [Int32: Int64], on connection: PostgresConnection
  ) throws(PostgresError) {
    let end = batch.end
    try connection.execute(
      Self.advance,
      [
        .text(topic), .int4Array(batch.partitions), .int8Array(batch.partitions.map { end[$0]! }),
        .int8Array(batch.partitions.map { barriers[$0] ?? 0 }),
      ])
  }

  func totals(of batch: Batch, on connection: PostgresConnection) throws(PostgresError)
    -> [Int64: Int64]
  {
    let found = try connection.execute(
      Self.readTotals, [.int8Array(BatchPlan.activities(of: batch))])
    var totals: [Int64: Int64] = [:]
    for row in 0..<found.rowCount { totals[found.int8(row, 0)] = found.int8(row, 1) }
    return totals
  }

  /// Writes claims and releases; gives the change of held slots per activity and adds what was rejected.
  func apply(
    _ plan: BatchPlan, _ applied: inout Applied, on connection: PostgresConnection
  ) throws(PostgresError) -> [Int64: Int64] {
    if plan.rows.isEmpty { return [:] }
    let found = try connection.execute(Self.applyClaims, plan.parameters)
    var changes: [Int64: Int64] = [:]
    var rejected: Set<Int> = []
    for row in 0..<found.rowCount {
      switch found.text(row, 0) {
      case "delta":
        let change = found.int8(row, 2)
        if change != 0 { changes[found.int8(row, 1)] = change }
        applied.heldChange += change
      case "reject":
        let place = Int(found.int8(row, 1)) - 1
        rejected.insert(place)
        if found.text(row, 3) == Self.givenBack {
          applied.givenBack += 1
          continue
        }
        applied.deadLetters.append(
          DeadLetter(
            message: plan.message(of: plan.rows[place]),
            reason: DeadLetter.Reason(rawValue: found.text(row, 3))!,
            detail: plan.rows[place].event.summary))
      default:
        throw PostgresError(
          kind: .retry, sqlState: "40001", message: "slots changed while a batch was applied")
      }
    }
    try remember(plan.releases(except: rejected), on: connection)
    return changes
  }

  private func remember(_ releases: [StockEvent], on connection: PostgresConnection)
    throws(PostgresError)
  {
    if releases.isEmpty { return }
    try connection.execute(
      Self.remember,
      [
        .int8Array(releases.map(\.activity.value)), .textArray(releases.map(\.user)),
        .textArray(releases.map(\.request)), .int4Array(releases.map { Int32($0.slot) }),
        .int8Array(releases.map(\.seq)), .int8Array(releases.map(\.epoch)),
        .int8Array(releases.map(\.timeMs)),
      ])
  }

  private func bury(_ letters: [DeadLetter], on connection: PostgresConnection)
    throws(PostgresError)
  {
    if letters.isEmpty { return }
    try connection.execute(
      Self.bury,
      [
        .text(topic), .int4Array(letters.map(\.message.partition)),
        .int8Array(letters.map(\.message.offset)),
        .byteaArray(letters.map(\.message.key)), .byteaArray(letters.map(\.message.payload)),
        .textArray(letters.map(\.reason.rawValue)), .textArray(letters.map(\.detail)),
      ])
  }

  func change(_ changes: [Int64: Int64], on connection: PostgresConnection)
    throws(PostgresError)
  {
    if changes.isEmpty { return }
    let ids = changes.keys.sorted()
    let result = try connection.execute(
      Self.changeSurplus, [.int8Array(ids), .int8Array(ids.map { changes[$0]! })])
    guard result.affectedRows == ids.count else {
      throw PostgresError(
        kind: .retry, message: "an activity went away while a batch was applied")
    }
  }
}

extension BatchPlan {
  /// Every release that counts, whether or not a later event of its slot made the row.
  func releases(except rejected: Set<Int>) -> [StockEvent] {
    guard Protection.releasedRequestsRemembered.isOn else { return [] }
    return rows.indices.compactMap { index in
      let isRelease = rows[index].event.kind == .released && !rows[index].isVoid
      return isRelease && !rejected.contains(index) ? rows[index].event : nil
    }
  }
}

extension StockEvent {
  /// For a dead letter's detail.
  var summary: String {
    "\(kind.rawValue) \(activity)_\(slot) seq \(seq) user \(user) request \(request) epoch \(epoch)"
  }
}
