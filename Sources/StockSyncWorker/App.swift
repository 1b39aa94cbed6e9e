import Configuration
import Glibc

@main
enum App {
  static func main() {
    // A reader that went away is an error of the write, not the end of the process.
    signal(SIGPIPE, SIG_IGN)
    let status = Command.run(
      Array(CommandLine.arguments.dropFirst()), environment: processEnvironment())
    exit(status.rawValue)
  }
}
