import Configuration
import Stock

@testable import DrawService
@testable import StockSyncWorker

/// The command lines of both services, up to where they would begin to work.
enum CommandFuzzer {
  private static let names =
    ConfigKey.all.flatMap { [$0.name, $0.option, $0.environmentName] }
    + Command.allCases.flatMap { $0.options.map(\.name) }

  static func judge(_ input: [UInt8]) -> Bool {
    guard let surroundings = Surroundings(input) else { return false }
    for argument in surroundings.arguments { TimeJudge.judge(argument) }
    do throws(ConfigError) {
      try judgeWorker(surroundings)
    } catch {
      surroundings.judge(complaint: error.description, input: input, names: names)
    }
    do throws(ConfigError) {
      let asked = try App.asked(surroundings.arguments, environment: surroundings.environment)
      let asksHelp = surroundings.arguments.contains { $0 == "--help" || $0 == "-h" }
      demand(asked != nil || asksHelp, "help that nobody asked for")
    } catch {
      surroundings.judge(complaint: error.description, input: input, names: names)
    }
    return true
  }

  private static func judgeWorker(_ surroundings: Surroundings) throws(ConfigError) {
    let arguments = surroundings.arguments
    switch try Command.asked(arguments, environment: surroundings.environment) {
    case .help(let text):
      demand(text.hasPrefix("Usage: StockSyncWorker"), text)
      demand(arguments.contains { ["--help", "-h", "help"].contains($0) }, "help unasked")
    case .unknown(let text):
      demand(text.contains("command\n\nUsage: StockSyncWorker"), text)
    case .command(let command, let configuration):
      let words = arguments.prefix { !$0.hasPrefix("-") }
      demand(words.joined(separator: " ") == command.rawValue, "\(arguments) is \(command)")
      try judge(command, configuration)
    }
  }

  private static func judge(_ command: Command, _ configuration: Configuration) throws(ConfigError)
  {
    switch command {
    case .run: _ = try WorkerSettings(configuration)
    case .activityCreate: judge(try ActivityTerms(configuration), try ActivityTerms(configuration))
    case .activityShow: _ = try ActivityTerms.id(configuration)
    case .deadLettersList:
      let place = try DeadLetterCommands.place(after: configuration.text("after"))
      demand(place.partition >= -1, "\(place)")
      demand((1...10_000).contains(configuration.int("limit")), "a limit")
    case .reconcile: _ = try ReconcileSettings(configuration, role: "operator")
    case .recover:
      _ = try RecoverySettings(configuration, kafka: try WorkerSettings.kafka(configuration))
    case .migrate, .activityList, .deadLettersShow, .deadLettersReplay, .deadLettersDiscard: break
    }
  }

  /// What is asked for fits the tables, and is found to be itself.
  private static func judge(_ terms: ActivityTerms, _ again: ActivityTerms) {
    demand(terms == again, "terms are read in two ways")
    demand(StockLimits.total.contains(terms.stock), "stock \(terms.stock)")
    demand(StockLimits.perUser.contains(terms.limit), "limit \(terms.limit)")
    demand(!terms.name.isEmpty && terms.name.count <= ActivityTerms.nameLimit, "name \(terms.name)")
    let nowMs: Int64 = 1_764_000_000_000
    guard let row = try? terms.row(nowMs: nowMs) else { return }
    demand(row.opensMs < row.closesMs && row.surplus == row.total, "\(row)")
    demand(row.closesMs < 1 << 53, "\(row) is beyond what Lua can count")
    demand(terms.difference(from: row, nowMs: nowMs) == nil, "\(row) differs from its own terms")
  }
}
