internal import Configuration
internal import Glibc
internal import Log
internal import Threads

@main
enum App {
  static func main() {
    Signals.prepare()
    do {
      let configuration = try Configuration(
        scope: .draw, arguments: Array(CommandLine.arguments.dropFirst()),
        environment: processEnvironment())
      if configuration.wantsHelp {
        print(help)
        exit(0)
      }
      if let word = configuration.positionals.first {
        throw ConfigError("'\(word)' is no option; --help lists them")
      }
      let settings = try Settings(configuration)
      let log = Log(
        service: "draw", instance: settings.instance,
        level: LogLevel(name: try configuration.required("log.level")) ?? .info)
      let status = DrawService(settings, log: log).run()
      log.close(until: .after(ms: 1_000))
      exit(status)
    } catch {
      complain("DrawService: \(error)\n")
      exit(2)
    }
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
