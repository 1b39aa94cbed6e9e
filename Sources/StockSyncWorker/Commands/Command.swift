import Configuration
import Glibc
import Log

/// What a command ends with, for scripts.
enum CommandStatus: Int32, Sendable {
  case ok = 0
  /// Refused: it exists with other values, it is not there, the state does not allow it, it did not end in time.
  case refused = 1
  /// Wrong usage or settings.
  case usage = 2
  /// Postgres, Redis or Kafka cannot be reached or refuse us: the same later may work.
  case unavailable = 3
  /// What is stored contradicts itself: a person has to look.
  case corruption = 4
}

/// A command's failure, with what to say on standard error.
struct CommandError: Error {
  let status: CommandStatus
  let message: String

  init(_ status: CommandStatus, _ message: String) {
    self.status = status
    self.message = message
  }
}

/// The worker's command line.
enum Command: String, CaseIterable {
  case run
  case migrate
  case activityCreate = "activity create"
  case activityShow = "activity show"
  case activityList = "activity list"
  case recover

  /// Words come before options; the longest that fit are the command.
  static func run(_ arguments: [String], environment: [String: String]) -> CommandStatus {
    let words = arguments.prefix { !$0.hasPrefix("-") }
    let options = Array(arguments.dropFirst(words.count))
    let asksHelp = options.contains("--help") || options.contains("-h")
    guard let command = Command(rawValue: words.joined(separator: " ")) else {
      if asksHelp || words.elementsEqual(["help"]) {
        print(help(below: Array(words)))
        return .ok
      }
      let said = words.isEmpty ? "no command" : "'\(words.joined(separator: " "))' is no command"
      complain("\(said)\n\n\(help(below: Array(words)))")
      return .usage
    }
    do {
      let configuration = try Configuration(
        scope: .worker, options: command.options, arguments: options, environment: environment)
      if configuration.wantsHelp {
        print(command.help)
        return .ok
      }
      if let word = configuration.positionals.first {
        throw ConfigError("'\(word)' is not expected; words of the command come first")
      }
      return try command.execute(configuration)
    } catch let error as CommandError {
      complain(error.message)
      return error.status
    } catch {
      complain("\(error)")
      return error is ConfigError ? .usage : .unavailable
    }
  }

  private func execute(_ configuration: Configuration) throws -> CommandStatus {
    switch self {
    case .run: return try Worker.run(try WorkerSettings(configuration))
    case .migrate: return try MigrateCommand(configuration).run()
    case .activityCreate: return try ActivityCommands(configuration).create()
    case .activityShow: return try ActivityCommands(configuration).show()
    case .activityList: return try ActivityCommands(configuration).list()
    case .recover: return try RecoverCommand(configuration).run()
    }
  }

  static func complain(_ text: String) {
    var rest = Array("StockSyncWorker: \(text)\n".utf8)[...]
    while !rest.isEmpty {
      let written = rest.withUnsafeBytes { write(2, $0.baseAddress!, $0.count) }
      if written <= 0 { return }  // nobody reads it
      rest = rest.dropFirst(written)
    }
  }
}
