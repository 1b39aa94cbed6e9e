import PostgresClient
import Stock
import TestSupport

@testable import StockSyncWorker

/// A migrated database of the test's own, and the apply path on it without Kafka.
struct Tables {
  let settings: PostgresSettings
  let topic: String

  init(activities: [Int64: Int64] = [:], change: (inout PostgresSettings) -> Void = { _ in }) throws
  {
    try self.init(
      LocalStack.shared([.postgres]), activities: activities, topic: "t", change: change)
  }

  init(
    _ stack: LocalStack, activities: [Int64: Int64], topic: String,
    change: (inout PostgresSettings) -> Void = { _ in }
  ) throws {
    self.topic = topic
    var settings = PostgresSettings(
      connection: try stack.freshDatabase(), invariants: [BatchTransaction.surplusInvariant],
      parameters: BatchTransaction.parameters)
    change(&settings)
    self.settings = settings
    let connection = try PostgresConnection(settings)
    _ = try Migrations.apply(on: connection)
    for (id, total) in activities {
      try connection.execute(
        """
        INSERT INTO activity (id, name, stock_total, stock_surplus, per_user_limit, opens_at, closes_at, state)
        VALUES ($1, 'test', $2, $2, 1, now(), now() + interval '1 hour', 'open')
        """, [.int8(id), .int4(Int32(total))])
    }
  }

  /// Applies messages in batches of random sizes, as a worker would that is alone.
  @discardableResult
  func apply(
    _ messages: [StreamMessage], batchUpTo limit: Int = 500, using random: inout Seeded
  ) throws -> Applied {
    let session = PostgresSession(settings)
    let applier = BatchApplier(transaction: BatchTransaction(topic: topic))
    var positions = try Positions(topic: topic).read(
      Set(messages.map(\.partition)).sorted(), on: try session.connection())
    var rest = messages[...]
    var total = Applied()
    while !rest.isEmpty {
      var batch = Batch(
        start: positions, messages: rest.prefix(Int.random(in: 1...limit, using: &random)))
      if Bool.random(using: &random) { batch.encodeAhead() }
      rest = rest.dropFirst(batch.messages.count)
      positions.merge(batch.end) { $1 }
      guard case .applied(let applied) = applier.apply(batch, on: session) else {
        throw TestSupportError("a batch was not applied")
      }
      total = total + applied
    }
    return total
  }

  /// One batch that has to be applied as it is.
  func applyOne(_ messages: [StreamMessage]) throws -> BatchApplier.Outcome {
    let session = PostgresSession(settings)
    let positions = try Positions(topic: topic).read(
      Set(messages.map(\.partition)).sorted(), on: try session.connection())
    var batch = Batch(start: positions, messages: messages)
    batch.encodeAhead()
    return BatchApplier(transaction: BatchTransaction(topic: topic)).apply(batch, on: session)
  }

  /// Sends the worker back to the beginning of its topic.
  func rewind() throws {
    try PostgresConnection(settings).execute("UPDATE consumer_offset SET next = 0")
  }

  /// Every row of every table that applying may touch, times included unless left out.
  func dump(withTimes: Bool = true, withDeadLetters: Bool = true) throws -> [String] {
    let left = withTimes ? "" : " - 'applied_at' - 'first_seen_at'"
    let tables =
      ["activity", "claim", "released_request", "consumer_offset"]
      + (withDeadLetters ? ["dead_letter"] : [])
    return try tables.flatMap { table in
      try texts("SELECT '\(table) ' || (to_jsonb(t)\(left))::text FROM \(table) t ORDER BY 1")
    }
  }

  func texts(_ sql: String) throws -> [String] {
    let found = try PostgresConnection(settings).execute(sql)
    return (0..<found.rowCount).map { found.text($0, 0) }
  }

  func number(_ sql: String) throws -> Int64 {
    try PostgresConnection(settings).execute(sql).int8(0, 0)
  }

  /// partition/offset reason, in order.
  func deadLetters() throws -> [String] {
    try texts(
      """
      SELECT partition || '/' || "offset" || ' ' || reason FROM dead_letter
      ORDER BY partition, "offset"
      """)
  }

  /// What differs between the tables and what histories say; empty when all is right.
  func differences(from histories: [History]) throws -> [String] {
    var found: [String] = []
    for history in histories {
      let id = history.activity.value
      let claims = try claims(of: id)
      if claims != history.claims {
        let slots = Set(claims.keys).union(history.claims.keys).filter {
          claims[$0] != history.claims[$0]
        }
        found.append("claims of \(id) differ in slots \(slots.sorted())")
      }
      let surplus = try number("SELECT stock_surplus::bigint FROM activity WHERE id = \(id)")
      if surplus != history.surplus {
        found.append("surplus of \(id) is \(surplus), not \(history.surplus)")
      }
      let released = try texts(
        "SELECT usr || '/' || request FROM released_request WHERE activity = \(id)")
      if Set(released) != history.released { found.append("released requests of \(id) differ") }
    }
    return found + (try deadLetters())
  }

  func claims(of activity: Int64) throws -> [Int64: History.Holding] {
    let found = try PostgresConnection(settings).execute(
      "SELECT slot, seq, state, usr, request FROM claim WHERE activity = $1", [.int8(activity)])
    var claims: [Int64: History.Holding] = [:]
    for row in 0..<found.rowCount {
      claims[found.int8(row, 0)] = History.Holding(
        seq: found.int8(row, 1), state: found.text(row, 2), user: found.text(row, 3),
        request: found.text(row, 4))
    }
    return claims
  }
}
