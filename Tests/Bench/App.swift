import Glibc
import Threads

/// What `deploy/bench` measures with: the parts of a draw, each alone, clients that draw, and the report.
///
/// Results of a measurement go to standard output, a name and a number a line.
@main
enum App {
  static func main() {
    Signals.prepare()
    do {
      let options = try Options(Array(CommandLine.arguments.dropFirst()))
      switch options.command {
      case "http": try HTTPPart(options).run()
      case "draws": try DrawsPart(options).run()
      case "script": try ScriptPart(options).run()
      case "produce": try ProducePart(options).run()
      case "lane": try LanePart(options).run()
      case "overload": try OverloadPart(options).run()
      case "report": try Report(options).run()
      case "pictures": try PicturesPart(options).run()
      default: throw UsageError("'\(options.command)' is no command")
      }
    } catch let error as UsageError {
      complain("Bench: \(error.text)\n\(Options.help)")
      exit(2)
    } catch let failure as Failure {
      complain("Bench: \(failure.text)\n")
      exit(1)
    } catch {
      complain("Bench: \(error)\n")
      exit(1)
    }
  }

  private static func complain(_ text: String) {
    let bytes = Array(text.utf8)
    _ = write(2, bytes, bytes.count)
  }
}

/// One result, seen at once also through a pipe.
func tell(_ name: String, _ value: some CustomStringConvertible) {
  let line = Array("\(name) \(value)\n".utf8)
  _ = write(1, line, line.count)
}

/// User and system time of this process so far, microseconds.
func processorUs() -> Int64 {
  var usage = rusage()
  let status = getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
  precondition(status == 0, "getrusage failed")
  return [usage.ru_utime, usage.ru_stime].reduce(0) {
    $0 + Int64($1.tv_sec) * 1_000_000 + Int64($1.tv_usec)
  }
}
