import Configuration
import Log
import PostgresClient
import RedisClient
import Stock
import Threads

/// `dead-letters list`, `show`, `replay` and `discard`.
struct DeadLetterCommands {
  /// Letters that `replay --all` reads at a time, and refusals that it names; the rest are counted.
  private static let pageSize = 500
  private static let namedRefusals = 20

  private let configuration: Configuration
  private let output: Output

  init(_ configuration: Configuration) {
    self.configuration = configuration
    output = Output(asJSON: configuration.flag("json"))
  }

  func list() throws -> CommandStatus {
    var filter = DeadLetterStore.Filter(
      reason: configuration.text("reason"), includesResolved: configuration.flag("all"))
    if configuration.text("activity") != nil {
      filter.activity = try ActivityTerms.id(configuration, "activity")
    }
    let place = try Self.place(after: configuration.text("after"))
    let limit = configuration.int("limit")
    do {
      let found = try store().list(filter, after: place, limit: limit)
      output.table(found.map(\.row), empty: "no dead letters")
      if !output.asJSON, found.count == limit, let last = found.last {
        print("more: --after \(last.partition)/\(last.offset)")
      }
      return .ok
    } catch {
      throw CommandError.explained(error)
    }
  }

  func show() throws -> CommandStatus {
    let (partition, offset) = try place()
    do {
      let store = try store()
      guard let letter = try store.lock(partition, offset) else {
        throw CommandError(.refused, "there is no such dead letter")
      }
      output.object(letter.fields + fields(of: try summary(letter, store)))
      return .ok
    } catch {
      throw CommandError.explained(error)
    }
  }

  func replay() throws -> CommandStatus {
    if configuration.flag("all") { return try replayAll() }
    let (partition, offset) = try place()
    do {
      return try end(try DeadLetterReplay(try store()).replay(partition, offset, resolver()))
    } catch {
      throw CommandError.explained(error)
    }
  }

  func discard() throws -> CommandStatus {
    _ = try configuration.required("note")
    let (partition, offset) = try place()
    do {
      return try end(try DeadLetterReplay(try store()).discard(partition, offset, resolver()))
    } catch {
      throw CommandError.explained(error)
    }
  }

  /// What `replay --all` has done so far.
  private struct Totals {
    var replayed = 0
    var refused = 0
    var refusals: [String] = []
  }

  /// One that is refused stops nothing; it is counted and stays as it was. What was done before something failed is
  /// told with the failure.
  private func replayAll() throws -> CommandStatus {
    let reason = try configuration.required("reason")
    var totals = Totals()
    var failure: (any Error)?
    do {
      try replayAll(reason, &totals)
    } catch {
      failure = CommandError.explained(error)
    }
    output.object([
      ("reason", .string(reason)), ("replayed", .int(totals.replayed)),
      ("refused", .int(totals.refused)),
      ("refusals", .array(totals.refusals.map { .string($0) })),
    ])
    if let failure { throw failure }
    return totals.refused == 0 ? .ok : .refused
  }

  private func replayAll(_ reason: String, _ totals: inout Totals) throws {
    let store = try store()
    let log = Self.log()
    defer { log.close(until: .after(ms: 1_000)) }
    var place = DeadLetterStore.Place()
    while true {
      let page = try store.list(
        DeadLetterStore.Filter(reason: reason), after: place, limit: Self.pageSize)
      guard let last = page.last else { return }
      place = DeadLetterStore.Place(partition: last.partition, offset: last.offset)
      for letter in page {
        let outcome = try DeadLetterReplay(store).replay(
          letter.partition, letter.offset, resolver())
        if case .refused(let why) = outcome {
          totals.refused += 1
          if totals.refusals.count < Self.namedRefusals {
            totals.refusals.append("\(letter.partition)/\(letter.offset) \(why)")
          }
        } else {
          totals.replayed += 1
          tell(outcome, to: log)
        }
      }
    }
  }

  private func end(_ outcome: DeadLetterReplay.Outcome) throws -> CommandStatus {
    let resolved: StoredLetter
    var fields: [(key: String, value: LogValue)] = []
    switch outcome {
    case .refused(let why): throw CommandError(.refused, why)
    case .discarded(let letter): resolved = letter
    case .replayed(let letter, let change):
      resolved = letter
      fields.append(("heldChange", .integer(change)))
    }
    let log = Self.log()
    tell(outcome, to: log)
    log.close(until: .after(ms: 1_000))
    let store = try store()
    guard let now = try store.lock(resolved.partition, resolved.offset) else {
      throw CommandError(.refused, "the letter went away meanwhile")
    }
    output.object(now.fields + fields + self.fields(of: try summary(now, store)))
    return .ok
  }

  private func tell(_ outcome: DeadLetterReplay.Outcome, to log: Log) {
    func fields(_ letter: StoredLetter) -> Log.Fields {
      [
        "partition": .int(letter.partition), "offset": .integer(letter.offset),
        "reason": .string(letter.reason), "detail": .string(letter.detail),
        "by": .string(resolver().name), "note": .string(resolver().note ?? ""),
      ]
    }
    switch outcome {
    case .refused: break
    case .replayed(let letter, _): log.info("dead_letter_replayed", fields(letter))
    case .discarded(let letter): log.info("dead_letter_discarded", fields(letter))
    }
  }

  private func resolver() -> DeadLetterStore.Resolver {
    DeadLetterStore.Resolver(
      name: operatorName(configuration), note: configuration.text("note"))
  }

  private func store() throws -> DeadLetterStore {
    let connection = try PostgresConnection(
      WorkerSettings.postgres(configuration, role: "operator"))
    try Migrations.verify(on: connection)
    return DeadLetterStore(
      topic: try configuration.required("kafka.topic"), connection: connection)
  }

  /// Without Redis the rest is said all the same.
  private func summary(_ letter: StoredLetter, _ store: DeadLetterStore) throws -> SlotSummary {
    try SlotSummary(
      letter, store, try? RedisConnection(try WorkerSettings.redis(configuration)))
  }

  private func place() throws -> (Int32, Int64) {
    _ = try configuration.required("partition")
    _ = try configuration.required("offset")
    return (Int32(configuration.int("partition")), Int64(configuration.int("offset")))
  }

  static func place(after text: String?) throws(ConfigError) -> DeadLetterStore.Place {
    guard let text else { return DeadLetterStore.Place() }
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let partition = Int32(parts[0]), let offset = Int64(parts[1]) else {
      throw ConfigError("after '\(Configuration.shown(text))' is not PARTITION/OFFSET")
    }
    return DeadLetterStore.Place(partition: partition, offset: offset)
  }

  /// To standard error: what a command answers stays alone on standard output.
  private static func log() -> Log {
    Log(service: "worker", instance: "operator", descriptor: 2)
  }

  private func fields(of summary: SlotSummary) -> [(key: String, value: LogValue)] {
    [("postgres", .string(summary.postgres)), ("redis", .string(summary.redis))]
  }
}
