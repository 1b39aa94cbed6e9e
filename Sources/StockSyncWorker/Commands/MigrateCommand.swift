import Configuration
import Log
import PostgresClient

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
}
