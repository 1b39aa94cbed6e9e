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
  case deadLettersList = "dead-letters list"
  case deadLettersShow = "dead-letters show"
  case deadLettersReplay = "dead-letters replay"
  case deadLettersDiscard = "dead-letters discard"
  case recover
  case reconcile

  /// What a command line asks for.
  enum Asked {
    case command(Command, Configuration)
    /// To be printed.
    case help(String)
    /// To be complained: what was said, and the help.
    case unknown(String)
  }

  /// Words come before options; together they are the command. Reads the files of the settings, nothing else.
  static func asked(_ arguments: [String], environment: [String: String]) throws(ConfigError)
    -> Asked
  {
    let words = arguments.prefix { !$0.hasPrefix("-") }
    let options = Array(arguments.dropFirst(words.count))
    let asksHelp = options.contains("--help") || options.contains("-h")
    guard let command = Command(rawValue: words.joined(separator: " ")) else {
      if asksHelp || words.elementsEqual(["help"]) {
        return .help(help(below: Array(words)))
      }
      let said =
        words.isEmpty
        ? "no command" : "'\(words.map(Configuration.shown).joined(separator: " "))' is no command"
      return .unknown("\(said)\n\n\(help(below: Array(words)))")
    }
    let configuration = try Configuration(
      scope: .worker, options: command.options, arguments: options, environment: environment)
    if configuration.wantsHelp { return .help(command.help) }
    if let word = configuration.positionals.first {
      throw ConfigError(
        "'\(Configuration.shown(word))' is not expected; words of the command come first")
    }
    return .command(command, configuration)
  }

  static func run(_ arguments: [String], environment: [String: String]) -> CommandStatus {
    do {
      switch try asked(arguments, environment: environment) {
      case .command(let command, let configuration): return try command.execute(configuration)
      case .help(let text): print(text)
      case .unknown(let text):
        complain(text)
        return .usage
      }
      return .ok
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
    case .deadLettersList: return try DeadLetterCommands(configuration).list()
    case .deadLettersShow: return try DeadLetterCommands(configuration).show()
    case .deadLettersReplay: return try DeadLetterCommands(configuration).replay()
    case .deadLettersDiscard: return try DeadLetterCommands(configuration).discard()
    case .recover: return try RecoverCommand(configuration).run()
    case .reconcile: return try ReconcileCommand(configuration).run()
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
