import Configuration
import KafkaClient
import Log
import PostgresClient
import RedisClient
import Stock
import StockRecords
import Threads

/// `recover`: the same recovery as a worker's, in the foreground; or what it would do.
struct RecoverCommand {
  private let configuration: Configuration
  private let output: Output

  init(_ configuration: Configuration) {
    self.configuration = configuration
    output = Output(asJSON: configuration.flag("json"))
  }

  func run() throws -> CommandStatus {
    let settings = try RecoverySettings(
      configuration, kafka: try WorkerSettings.kafka(configuration))
    do {
      let connection = try PostgresConnection(settings.postgres)
      try Migrations.verify(on: connection)
      let look = try RecoveryLook(RecoveryTables(connection), settings)
      if configuration.flag("dry-run") {
        return try show(look, settings, RecoveryTables(connection))
      }
      return try recover(look, settings)
    } catch let error as RecoveryRedis.Unreadable {
      throw CommandError(.unavailable, error.description)
    } catch {
      throw CommandError.explained(error)
    }
  }

  private func recover(_ look: RecoveryLook, _ settings: RecoverySettings) throws -> CommandStatus {
    let isForced = configuration.flag("force")
    guard look.need != nil || isForced else {
      throw CommandError(
        .refused, "nothing has to be recovered; with --force it is done all the same")
    }
    do {
      _ = try settings.ensureControlTopic(timeoutMs: 30_000)
    } catch {
      throw CommandError(.unavailable, "Kafka \(error)")
    }
    // Progress goes to standard error, the result to standard output.
    let log = Log(service: "worker", instance: settings.kafka.clientId, descriptor: 2)
    defer { log.close(until: .after(ms: 1_000)) }
    let clock = Inbox<Never>(capacity: 1)
    let run = RecoveryRun(settings, log: log, isForced: isForced) { clock.take(until: $0) != nil }
    switch run.run() {
    case .recovered(let epoch, let activities):
      output.object([
        ("recovered", .bool(true)), ("epoch", .integer(epoch)),
        ("activities", .array(activities.map { .int($0.value) })),
      ])
      return .ok
    case .notNeeded: throw CommandError(.refused, "somebody else has recovered it meanwhile")
    case .elsewhere:
      throw CommandError(.refused, "a recovery is running already: another process holds the lock")
    case .stopped(let step):
      throw CommandError(.unavailable, "the recovery was stopped in step \(step.rawValue)")
    case .failed(let step, let reason):
      throw CommandError(.unavailable, "the recovery ended in step \(step.rawValue): \(reason)")
    }
  }

  private func show(
    _ look: RecoveryLook, _ settings: RecoverySettings, _ tables: RecoveryTables
  ) throws -> CommandStatus {
    let timing = settings.timing
    let (postgres, redis) = (look.postgres, look.redis)
    output.object([
      ("needed", .bool(look.need != nil)),
      ("reason", .string(look.need?.description ?? "")),
      ("running", .bool(try tables.isLocked())),
      ("postgresEpoch", .integer(postgres.epoch)),
      ("redisEpoch", .string(redis.fence.map { String($0.epoch) } ?? "none")),
      ("server", .string(redis.identity.description)),
      ("fence", .string(redis.fence?.fence.description ?? "none")),
      ("activities", .array(postgres.activities.map { .int($0.value) })),
      ("rows", .integer(try tables.rowCount(postgres.activities))),
      ("partitions", .int(settings.partitions)),
      ("waitMs", .int(timing.leaseMs + timing.marginMs + timing.extraWaitMs)),
    ])
    return .ok
  }
}
