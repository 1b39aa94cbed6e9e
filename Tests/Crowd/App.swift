import Glibc
import Threads

/// The crowd: draws, records, checks.
@main
enum App {
  static func main() {
    Signals.prepare()
    exit(run(Array(CommandLine.arguments.dropFirst())))
  }

  private static func run(_ arguments: [String]) -> Int32 {
    var options: Options
    do {
      options = try Options.parse(arguments, environment: variable)
    } catch {
      write(error: "Crowd: \(error)\nCrowd --help says what there is.\n")
      return 2
    }
    if options.isHelp {
      write(Options.help, to: 1)
      return 0
    }
    raiseDescriptorLimit()
    if options.habits.seed == 0 { options.habits.seed = .random(in: 1 ... .max) }
    do {
      let report = try Visit(options).run()
      write(report.table, to: options.isJSON ? 2 : 1)
      if options.isJSON { write(report.json, to: 1) }
      return report.exitStatus
    } catch {
      write(error: "Crowd: could not finish: \(error)\n")
      return 3
    }
  }
}

/// A thousand connections need more descriptors than the usual soft limit; what the hard one denies
/// shows as calls that are `unreachable`.
private func raiseDescriptorLimit() {
  var limit = rlimit()
  guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
  limit.rlim_cur = limit.rlim_max
  setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}

/// A secret's variable, or the first line of the file that `NAME_FILE` names.
func secret(_ name: String) -> String? {
  if let value = variable(name) { return value }
  guard let path = variable("\(name)_FILE"), let file = fopen(path, "re") else { return nil }
  defer { fclose(file) }
  var line: UnsafeMutablePointer<CChar>?
  var size = 0
  defer { free(line) }
  guard getline(&line, &size, file) > 0, let line else { return nil }
  return String(cString: line).split(separator: "\n").first.map(String.init)
}

/// A variable of the environment; empty counts as not set.
func variable(_ name: String) -> String? {
  guard let value = getenv(name) else { return nil }
  let text = String(cString: value)
  return text.isEmpty ? nil : text
}
