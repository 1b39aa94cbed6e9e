import PostgresClient
import Stock
import TestSupport
import Testing

@testable import StockSyncWorker

/// The model of the tables against the statements on a real Postgres: random batches with late and doubled events,
/// voids, conflicts, old barriers and values that cannot be stored; everything that is stored is compared.
@Suite struct TablesTests {
  private static let topic = "t"
  private static let batches = 1_500

  @Test func theModelDoesWhatTheStatementsDo() throws {
    let seed = UInt64.random(in: 0..<1_000_000)
    print("tables trial: seed \(seed)")
    var random = Seeded(seed)
    var met: [String: Int] = [:]
    var left = Self.batches
    let session = PostgresSession(try database())
    while left > 0 {
      let count = min(left, 60)
      left -= count
      try trial(batches: count, on: session, &random, &met)
    }
    #expect(met.count == 7, "\(met)")
    #expect(met.allSatisfy { $0.value >= 10 }, "\(met)")
  }

  private func database() throws -> PostgresSettings {
    let settings = PostgresSettings(
      connection: try LocalStack.shared([.postgres]).freshDatabase(),
      invariants: [BatchTransaction.surplusInvariant], parameters: BatchTransaction.parameters)
    _ = try Migrations.apply(on: try PostgresConnection(settings))
    return settings
  }

  /// One little world: two activities of three slots, two partitions.
  private func trial(
    batches: Int, on session: PostgresSession, _ random: inout Seeded, _ met: inout [String: Int]
  ) throws {
    let totals: [Int64] = [3, 3]
    let connection = try session.connection()
    try connection.execute(
      "TRUNCATE activity, claim, released_request, consumer_offset, dead_letter")
    for (place, total) in totals.enumerated() {
      try connection.execute(
        """
        INSERT INTO activity (id, name, stock_total, stock_surplus, per_user_limit, opens_at, closes_at, state)
        VALUES ($1, 'test', $2, $2, 1, now(), now() + interval '1 hour', 'open')
        """, [.int8(Int64(place + 1)), .int4(Int32(total))])
    }
    _ = try Positions(topic: Self.topic).read([0, 1], on: connection)
    var model = Tables(totals: totals, limits: [1, 1], partitions: 2)
    let transaction = BatchTransaction(topic: Self.topic)
    for _ in 0..<batches {
      let batch = batch(model, &random)
      let wanted = BatchApplier.apply(batch) { part throws(PostgresError) in try model.run(part) }
      let found = BatchApplier.apply(batch) { part throws(PostgresError) in
        try transaction.run(part, on: try session.connection())
      }
      #expect(Self.text(found) == Self.text(wanted))
      for case .applied(let applied) in [wanted] {
        for letter in applied.deadLetters { met[letter.reason.rawValue, default: 0] += 1 }
        if applied.heldChange != 0 { met["change", default: 0] += 1 }
      }
      if case .corrupt = wanted { met["corrupt", default: 0] += 1 }
      let stored = try read(model, on: try session.connection())
      #expect(stored == model)
      if stored != model { return }
    }
  }

  private static func text(_ outcome: BatchApplier.Outcome) -> String {
    switch outcome {
    case .applied(let applied):
      "applied \(applied.events) \(applied.heldChange) "
        + applied.deadLetters.map {
          "\($0.message.partition)/\($0.message.offset) \($0.reason.rawValue)"
        }.sorted().joined(separator: " ")
    case .positionLost: "position lost"
    case .unavailable(let error): "unavailable \(error)"
    case .corrupt: "corrupt"
    }
  }

  // MARK: Batches

  private func batch(_ model: Tables, _ random: inout Seeded) -> Batch {
    var next: [Int32: Int64] = [0: model.offsets[0].next, 1: model.offsets[1].next]
    let start = next
    var messages: [StreamMessage] = []
    for _ in 0..<Int.random(in: 1...12, using: &random) {
      let record = record(&random)
      let partition: Int32 =
        switch record {
        case .barrier: Int32.random(in: 0...1, using: &random)
        case .event(let event): Int32((event.slot + event.activity.value) % 2)
        }
      let gap = Int.random(in: 0..<10, using: &random) == 0 ? 1 : 0
      let offset = next[partition]! + Int64(gap)
      next[partition] = offset + 1
      messages.append(message(record, partition, offset))
    }
    return Batch(start: start, messages: messages)
  }

  private func message(_ record: TopicRecord, _ partition: Int32, _ offset: Int64)
    -> StreamMessage
  {
    switch record {
    case .barrier(let barrier):
      StreamMessage(
        partition: partition, offset: offset, key: barrier.key, payload: barrier.encoded(),
        content: .barrier(barrier))
    case .event(let event):
      StreamMessage(
        partition: partition, offset: offset, key: event.key, payload: event.encoded(),
        content: .event(event))
    }
  }

  private func record(_ random: inout Seeded) -> TopicRecord {
    func below(_ limit: Int64) -> Int64 { Int64.random(in: 0..<limit, using: &random) }
    if below(25) == 0 { return .barrier(Barrier(epoch: 1 + below(3), timeMs: 0)) }
    return .event(
      StockEvent(
        kind: below(3) == 0 ? .released : .claimed,
        activity: ActivityID(below(30) == 0 ? 9 : 1 + below(2))!,
        slot: below(40) == 0 ? 4 : 1 + below(3), seq: 1 + below(12), epoch: 1 + below(3),
        user: "u\(below(2))", request: "r\(below(4))", timeMs: 1_767_225_600_000))
  }

  // MARK: What is stored

  private func read(_ model: Tables, on connection: PostgresConnection) throws -> Tables {
    var tables = Tables(totals: [3, 3], limits: [1, 1], partitions: 2)
    tables.activities = model.activities
    let surpluses = try connection.execute(
      "SELECT stock_surplus::bigint FROM activity ORDER BY id")
    for row in 0..<surpluses.rowCount { tables.activities[row].surplus = surpluses.int8(row, 0) }
    let claims = try connection.execute(
      "SELECT activity, slot::bigint, seq, epoch, state, usr, request FROM claim")
    for row in 0..<claims.rowCount {
      tables.claims[Int(claims.int8(row, 0)) - 1][Int(claims.int8(row, 1))] = Tables.Claim(
        seq: claims.int8(row, 2), isReleased: claims.text(row, 4) == "released",
        user: claims.text(row, 5), request: claims.text(row, 6), epoch: claims.int8(row, 3))
    }
    let released = try connection.execute(
      "SELECT activity, slot::bigint, seq, epoch, usr, request FROM released_request")
    for row in 0..<released.rowCount {
      let request = Tables.Request(user: released.text(row, 4), request: released.text(row, 5))
      tables.released[Int(released.int8(row, 0)) - 1][request] = Tables.Release(
        slot: released.int8(row, 1), seq: released.int8(row, 2), epoch: released.int8(row, 3))
    }
    let offsets = try connection.execute(
      "SELECT next, barrier_epoch FROM consumer_offset ORDER BY partition")
    for row in 0..<offsets.rowCount {
      tables.offsets[row] = Tables.Offset(next: offsets.int8(row, 0), barrier: offsets.int8(row, 1))
    }
    let letters = try connection.execute(
      #"SELECT partition::bigint, "offset", reason, payload FROM dead_letter"#)
    for row in 0..<letters.rowCount {
      let position = Tables.Position(
        partition: Int32(letters.int8(row, 0)), offset: letters.int8(row, 1))
      tables.letters[position] = Tables.Letter(
        reason: DeadLetter.Reason(rawValue: letters.text(row, 2))!,
        event: model.letters[position]?.event)
    }
    return tables
  }
}
