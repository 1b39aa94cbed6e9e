import Configuration
import KafkaClient
import Log
import PostgresClient
import RedisClient

struct MigrateCommand {
  private let settings: PostgresSettings
  private let output: Output

  init(_ configuration: Configuration) throws(ConfigError) {
    settings = WorkerSettings.postgres(configuration, role: "migrate")
    output = Output(asJSON: configuration.flag("json"))
  }

  func run() throws(CommandError) -> CommandStatus {
    do throws(MigrationError) {
      let applied = try Migrations.apply(on: try connect())
      output.object([
        ("version", .int(Migrations.all.last!.version)),
        ("applied", .array(applied.map { .int($0.version) })),
      ])
      return .ok
    } catch {
      throw CommandError(error)
    }
  }

  private func connect() throws(MigrationError) -> PostgresConnection {
    do { return try PostgresConnection(settings) } catch { throw .postgres(error) }
  }
}

extension CommandError {
  init(_ error: PostgresError) {
    self.init(error.kind == .corruption ? .corruption : .unavailable, error.description)
  }

  init(_ error: MigrationError) {
    switch error {
    case .postgres(let error): self.init(error)
    case .newer, .differs, .behind: self.init(.refused, error.description)
    }
  }

  /// Errors of the clients as a command's; others as they are.
  static func explained(_ error: any Error) -> any Error {
    switch error {
    case let error as PostgresError: CommandError(error)
    case let error as MigrationError: CommandError(error)
    case let error as RedisError: CommandError(.unavailable, "Redis \(error)")
    case let error as RedisServerError: CommandError(.unavailable, "Redis \(error)")
    case let error as KafkaError: CommandError(.unavailable, "Kafka \(error)")
    default: error
    }
  }
}
