import Checker
import Foundation
import Glibc
import TestSupport
import Threads

/// The harness: breaks the running pair on purpose.
@main
enum App {
  /// The harness was told to end: what still plays loses its servers, and is no round.
  static let isEnding = Lock(false)

  static func main() {
    // Whatever ends the harness ends what it has started, too: that goes at its exit.
    Signals.prepare()
    let ending = NamedThread("signals") {
      let signal = Signals.wait() ?? SIGTERM
      isEnding.withLock { $0 = true }
      exit(128 + signal)
    }
    withExtendedLifetime(ending) { begin() }
  }

  private static func begin() -> Never {
    do {
      if CommandLine.arguments.contains("--help") {
        say(Options.help)
        exit(0)
      }
      let options = try Options.parse(Array(CommandLine.arguments.dropFirst()))
      exit(try run(options))
    } catch let error as UsageError {
      say("Faults: \(error)\nFaults --help says what there is.")
      exit(2)
    } catch {
      say("Faults: \(error)")
      exit(3)
    }
  }

  private static func run(_ options: Options) throws -> Int32 {
    switch options.command {
    case .list:
      for fault in catalogue { say("\(fault.row)\t\(fault.name)") }
      return 0
    case .check(let folder):
      let verdict = try check(folder)
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
      say(String(decoding: try encoder.encode(verdict), as: UTF8.self))
      return verdict.violations.isEmpty && verdict.problems.isEmpty ? 0 : 1
    case .table:
      try StormRun.writePicture()
      try writeTable()
      return 0
    case .soak:
      return try Soak(options).run() ? 0 : 1
    case .storm:
      return try StormRun.play(options) ? 0 : 1
    case .run:
      return try Campaign(options).run() ? 0 : 1
    }
  }
}

/// A line on standard output, at once. Who does not want it any more (`head`) does not end the rounds.
func say(_ text: String) {
  let bytes = Array((text + "\n").utf8)
  _ = write(STDOUT_FILENO, bytes, bytes.count)
}
