import Configuration
import Log
import PostgresClient
import Protections
import RedisClient
import Stock
import Threads

/// `activity create`, `show` and `list`.
struct ActivityCommands {
  private let configuration: Configuration
  private let output: Output

  init(_ configuration: Configuration) {
    self.configuration = configuration
    output = Output(asJSON: configuration.flag("json"))
  }

  /// The row first, as `preparing`; then Redis; then `open` is committed; then Redis is told. Each step can be
  /// repeated, so that after a crash anywhere the same command finishes it.
  func create() throws -> CommandStatus {
    let terms = try ActivityTerms(configuration)
    let endpoint = try WorkerSettings.redis(configuration)
    do {
      let store = try connect()
      let row = try ensureRow(terms, store)
      let redis = try RedisStock(endpoint)
      if row.state == "preparing" || !Protection.preheatWhilePreparing.isOn {
        let epoch = try preheat(row, store, redis)
        try commitOpen(row.id, epoch, store)
      }
      try open(terms.id, try store.preheatTerms().epoch, redis)
      return try show(terms.id, store, redis)
    } catch {
      throw Self.explained(error)
    }
  }

  func show() throws -> CommandStatus {
    let id = try ActivityTerms.id(configuration)
    let endpoint = try WorkerSettings.redis(configuration)
    do {
      let store = try connect()
      do {
        return try show(id, store, try RedisStock(endpoint))
      } catch let error as RedisError {
        // Half of the picture is better than none; the status says that it is a half.
        _ = try show(id, store, nil)
        throw error
      }
    } catch {
      throw Self.explained(error)
    }
  }

  func list() throws -> CommandStatus {
    do {
      let rows = try connect().all()
      output.table(rows.map(Self.fields), empty: "no activities")
      return .ok
    } catch {
      throw Self.explained(error)
    }
  }

  private func connect() throws -> ActivityStore {
    let connection = try PostgresConnection(
      WorkerSettings.postgres(configuration, role: "operator"))
    try Migrations.verify(on: connection)
    return ActivityStore(connection: connection)
  }

  private func ensureRow(_ terms: ActivityTerms, _ store: ActivityStore) throws -> ActivityRow {
    let nowMs = wallClockMs()
    if try store.read(terms.id) == nil { try store.insert(try terms.row(nowMs: nowMs)) }
    guard let row = try store.read(terms.id) else {
      throw CommandError(.refused, "activity \(terms.id) went away meanwhile")
    }
    if let field = terms.difference(from: row, nowMs: wallClockMs()) {
      throw CommandError(.refused, "activity \(terms.id) exists with another \(field)")
    }
    return row
  }

  /// Gives the epoch that it was done in.
  private func preheat(_ row: ActivityRow, _ store: ActivityStore, _ redis: RedisStock) throws
    -> Int64
  {
    let terms = try store.preheatTerms()
    let answer = try redis.preheat(row, epoch: terms.epoch, mayBootstrap: !terms.wasAnyOpen)
    switch answer.word {
    case "created", "identical": return terms.epoch
    case "different":
      throw CommandError(
        .refused, "Redis holds activity \(row.id) with another \(answer.detail)")
    default: throw Self.fenced(answer, terms.epoch)
    }
  }

  private func commitOpen(_ id: Int64, _ epoch: Int64, _ store: ActivityStore) throws {
    let now = try store.open(id, epoch: epoch)
    guard now.state == "open" else {
      throw CommandError(
        .refused,
        "Redis is being recovered (epoch \(epoch) has become \(now.epoch)): the activity is not "
          + "open; run the same command again when the recovery is done")
    }
  }

  private func open(_ id: ActivityID, _ epoch: Int64, _ redis: RedisStock) throws {
    let answer = try redis.open(id, epoch: epoch)
    switch answer.word {
    case "opened", "already": return
    case "absent":
      throw CommandError(
        .refused,
        "activity \(id) was opened before and Redis does not hold it: it has lost it. \(Self.cure)")
    default: throw Self.fenced(answer, epoch)
    }
  }

  private static let cure =
    "A running worker recovers Redis by itself, or 'StockSyncWorker recover' does; then run the same "
    + "command again"

  private static func fenced(_ answer: RedisAnswer, _ epoch: Int64) -> CommandError {
    switch answer.word {
    case "fence_absent":
      CommandError(
        .refused,
        "this Redis holds no stock:fence though activities were opened: it has lost its data, or "
          + "it is another server. \(cure)")
    case "fence_server":
      CommandError(
        .refused,
        "this Redis was restarted or replaced since its data were opened. \(cure); where no "
          + "activity was ever open, 'StockSyncWorker recover --force' is needed")
    case "fence_epoch":
      CommandError(
        .refused,
        "Redis is at epoch \(answer.detail), Postgres at \(epoch): Redis is being recovered, or has "
          + "to be. \(cure)")
    default: CommandError(.unavailable, "Redis answered '\(answer.word)'")
    }
  }

  private func show(_ id: ActivityID, _ store: ActivityStore, _ redis: RedisStock?) throws
    -> CommandStatus
  {
    guard let row = try store.read(id) else {
      throw CommandError(.refused, "activity \(id) is not there")
    }
    let counts = try store.counts(id.value)
    var fields = Self.fields(row)
    fields += [("claimed", .integer(counts.held)), ("released", .integer(counts.released))]
    if let redis {
      let view = try redis.view(id)
      fields.append(("redisState", .string(view?.state ?? "absent")))
      if let view {
        fields += [
          ("redisTotal", .string(view.total)), ("redisUsed", .string(view.used)),
          ("redisLocks", .integer(view.locks)), ("redisFree", .integer(view.free)),
          ("redisOutbox", .integer(view.outbox)), ("redisEpoch", .string(view.epoch)),
        ]
      }
    } else {
      fields.append(("redisState", "unavailable"))
    }
    output.object(fields)
    return .ok
  }

  private static func fields(_ row: ActivityRow) -> [(key: String, value: LogValue)] {
    [
      ("id", .integer(row.id)), ("name", .string(row.name)), ("state", .string(row.state)),
      ("stock", .integer(row.total)), ("surplus", .integer(row.surplus)),
      ("limit", .integer(row.limit)), ("opens", .string(timestamp(ms: row.opensMs))),
      ("closes", .string(timestamp(ms: row.closesMs))),
    ]
  }

  /// Errors of the clients as a command's.
  static func explained(_ error: any Error) -> any Error {
    switch error {
    case let error as PostgresError: CommandError(error)
    case let error as MigrationError: CommandError(error)
    case let error as RedisError: CommandError(.unavailable, "Redis \(error)")
    case let error as RedisServerError: CommandError(.unavailable, "Redis \(error)")
    default: error
    }
  }
}
