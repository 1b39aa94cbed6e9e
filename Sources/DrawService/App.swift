internal import Configuration
internal import Glibc
internal import Log
internal import Threads

@main
enum App {
  static func main() {
    Signals.prepare()
    do {
      let asked = try asked(
        Array(CommandLine.arguments.dropFirst()), environment: processEnvironment())
      guard let (settings, level) = asked else {
        print(help)
        exit(0)
      }
      let log = Log(service: "draw", instance: settings.instance, level: level)
      let status = DrawService(settings, log: log).run()
      log.close(until: .after(ms: 1_000))
      exit(status)
    } catch {
      complain("DrawService: \(error)\n")
      exit(2)
    }
  }

  /// What a command line asks for; nil: the help. Reads the files of the settings, nothing else.
  static func asked(
    _ arguments: [String], environment: [String: String]
  ) throws(ConfigError) -> (Settings, LogLevel)? {
    let configuration = try Configuration(
      scope: .draw, arguments: arguments, environment: environment)
    if configuration.wantsHelp { return nil }
    if let word = configuration.positionals.first {
      throw ConfigError("'\(Configuration.shown(word))' is no option; --help lists them")
    }
    let level = LogLevel(name: try configuration.required("log.level")) ?? .info
    return (try Settings(configuration), level)
  }

  /// On standard error: standard output is the log's.
  private static func complain(_ text: String) {
    let bytes = Array(text.utf8)
    _ = write(2, bytes, bytes.count)
  }

  private static var help: String {
    """
    DrawService: takes draws over HTTP, claims slots in Redis, publishes the claims to Kafka.

    Usage: DrawService [OPTION …]

    Settings come from the command line, then from SLIDING_STOCK_… variables, then from the file that
    --config names (key = value lines), then from the defaults.

      --config PATH
      --help
    \(ConfigKey.help(ConfigKey.all.filter { $0.scope == .both || $0.scope == .draw }))

    Exit status: 0 drained and ended, 1 could not start or drain, 2 wrong settings.
    """
  }
}
