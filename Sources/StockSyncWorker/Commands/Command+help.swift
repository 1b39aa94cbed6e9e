import Configuration

extension Command {
  private static let json = ConfigKey(
    "json", .flag, default: "false", scope: .command, "one JSON object a line instead of text")
  private static let id = ConfigKey(
    "id", scope: .command, "the activity: a number from 1 to 2^53 - 1")

  /// Its own options, beside the settings.
  var options: [ConfigKey] {
    switch self {
    case .run: []
    case .migrate, .activityList: [Self.json]
    case .activityShow: [Self.id, Self.json]
    case .recover:
      [
        ConfigKey(
          "dry-run", .flag, default: "false", scope: .command,
          "say what would be done and why; change nothing"),
        ConfigKey(
          "force", .flag, default: "false", scope: .command,
          "recover though nothing asks for it: draws are answered 503 meanwhile"),
        Self.json,
      ]
    case .activityCreate:
      [
        Self.id,
        ConfigKey("name", scope: .command, "what people call it"),
        ConfigKey("stock", .integer(1...10_000_000), scope: .command, "units: slots 1 to this"),
        ConfigKey(
          "limit", .integer(1...100), default: "1", scope: .command, "units that one user can hold"),
        ConfigKey(
          "opens", default: "now", scope: .command, "2026-01-31T20:00:00Z, or now"),
        ConfigKey(
          "closes", scope: .command, "2026-01-31T21:00:00Z, or +30s, +15m, +2h, +7d after opening"),
        Self.json,
      ]
    }
  }

  private var summary: String {
    switch self {
    case .run: "apply the topic's events to Postgres until SIGTERM"
    case .migrate: "bring the database to this version; run again, it changes nothing"
    case .activityCreate: "make an activity in Postgres, preheat Redis, open it for draws"
    case .activityShow: "an activity as Postgres and Redis have it"
    case .activityList: "all activities"
    case .recover: "rebuild Redis from Postgres, as a running worker does by itself when it is lost"
    }
  }

  private var details: String {
    switch self {
    case .activityCreate:
      """

      Again with the same values it goes on where it was interrupted and changes nothing else. An activity
      that exists with other values is refused, and the field is named. With '--opens now' an activity that
      is open already is the same, and a '--closes +…' is compared as a duration.
      """
    case .recover:
      """

      A worker has to be running: its consumers apply the barriers that a recovery waits for. One recovery
      runs at a time. Activities in Redis that Postgres does not know as open are removed from it. What goes on
      is said on standard error, the result on standard output.
      """
    default: ""
    }
  }

  var help: String {
    let own = options.isEmpty ? "" : "Options:\n\(ConfigKey.help(options))\n\n"
    return """
      Usage: StockSyncWorker \(rawValue) [OPTION …]

      \(summary.prefix(1).uppercased() + summary.dropFirst()).\(details)

      \(own)Settings, from the command line, SLIDING_STOCK_… variables, the file that --config names, defaults:
        --config PATH
        --help
      \(ConfigKey.help(ConfigKey.all.filter { $0.scope == .both || $0.scope == .worker }))

      \(Self.statusHelp)
      """
  }

  private static let statusHelp = """
    Exit status: 0 done; 1 refused (exists with other values, is not there, did not end in time);
    2 wrong usage or settings; 3 Postgres, Redis or Kafka unavailable; 4 stored data contradicts itself.
    """

  /// The commands that begin with some words.
  static func help(below words: [String]) -> String {
    let matching = allCases.filter { $0.rawValue.hasPrefix(words.joined(separator: " ")) }
    let shown = matching.isEmpty ? allCases : matching
    let width = shown.map(\.rawValue.count).max()! + 2
    let lines = shown.map { command in
      let padding = String(repeating: " ", count: width - command.rawValue.count)
      return "  \(command.rawValue)\(padding)\(command.summary)"
    }
    return """
      Usage: StockSyncWorker COMMAND [OPTION …]

      Brings Postgres up to date with what was claimed in Redis, and is the operator's tool.

      \(lines.joined(separator: "\n"))

      StockSyncWorker COMMAND --help lists a command's options and settings.
      \(statusHelp)
      """
  }
}
