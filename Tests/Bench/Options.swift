import Glibc
import RedisClient

/// A wrong command line.
struct UsageError: Error {
  let text: String

  init(_ text: String) { self.text = text }
}

/// A measurement that did not end well.
struct Failure: Error {
  let text: String

  init(_ text: String) { self.text = text }
}

/// How the program was called: a command, then options, all of them with a value.
struct Options {
  static let help = """
    Usage: Bench http
           Bench draws --activity A --port P [--rate R] [--seconds S] [--connections N] [--run N]
           Bench overload --activity A --port P [--most R] [--seconds S] [--connections N] [--calm N]
           Bench lane --activity A [--activities N] [--claims N] [--batch N] [--calls N] [--seconds S]
           Bench script --activity A --script FILE [--batch N] [--calls N] [--seconds S]
           Bench produce --topic NAME [--in-flight N] [--seconds S]
           Bench report --figures FILE --conditions FILE [--table rows|comparison|values] [--other NAME] [--vary KEY=V,V]
                        [--json FILE]
           Bench pictures --figures FILE --points FILE --folder FOLDER

      http      answers every request with one constant, from another thread, until SIGTERM
      draws     draws at a fixed rate, R each second, or without R as fast as it is answered, over N connections (256);
                N from 0 to 9 tells its users apart
      overload  as fast as it is answered over few connections (512), then ten times that, or ten times R, over all (1000), then as before
      lane      claims through DrawService's lane, of N activities (1) from A on, at most N each; N claims a call (100),
                N calls a pipeline (3), half of what is under way
      script    claims slots of activity A with FOLDER's claim.lua, N claims a call (32), N calls a pipeline (4)
      produce   sends events of a claim's size, with at most N unacknowledged (8192)
      report    the tables of a run's figures, lines of name and number; conditions are lines of name, tab, text
      pictures  SVGs of a run's figures and points, lines of picture, series, x, y

    Redis and Kafka are found as by the services: SLIDING_STOCK_REDIS_SOCKET, SLIDING_STOCK_KAFKA_BOOTSTRAP.

    """

  let command: String
  private var values: [String: String] = [:]

  init(_ arguments: [String]) throws(UsageError) {
    guard let command = arguments.first else { throw UsageError("a command is missing") }
    self.command = command
    var rest = arguments.dropFirst()
    while let name = rest.popFirst() {
      guard name.hasPrefix("--"), let value = rest.popFirst() else {
        throw UsageError("'\(name)' is not right")
      }
      values[String(name.dropFirst(2))] = value
    }
  }

  func text(_ name: String) throws(UsageError) -> String {
    guard let value = values[name] else { throw UsageError("--\(name) is missing") }
    return value
  }

  /// nil when it is not given.
  func optional(_ name: String) -> String? { values[name] }

  func whole(_ name: String, _ range: ClosedRange<Int>, default value: Int) throws(UsageError)
    -> Int
  {
    guard let text = values[name] else { return value }
    guard let number = Int(text), range.contains(number) else {
      throw UsageError("--\(name) takes a whole number from \(range.lowerBound)")
    }
    return number
  }

  func seconds() throws(UsageError) -> Int { try whole("seconds", 1...3_600, default: 4) }

  static func environment(_ name: String) throws(UsageError) -> String {
    guard let value = getenv(name) else { throw UsageError("\(name) is not set") }
    return String(cString: value)
  }
}

/// The bytes of a file.
func contents(of path: String) throws(UsageError) -> [UInt8] {
  guard let file = fopen(path, "re") else { throw UsageError("\(path) cannot be read") }
  defer { fclose(file) }
  var bytes = [UInt8](repeating: 0, count: 1 << 20)
  let count = fread(&bytes, 1, bytes.count, file)
  return Array(bytes.prefix(count))
}
