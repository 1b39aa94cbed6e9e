import Foundation
import Testing

@testable import Configuration

/// A small list of settings with one key of each kind.
let someKeys: [ConfigKey] = [
  ConfigKey("text", default: "t0", "a text"),
  ConfigKey("number", .integer(1...10), default: "1", "a number"),
  ConfigKey("flag", .flag, default: "false", "a flag"),
  ConfigKey("choice", .choice(["red", "green"]), default: "red", "a choice"),
  ConfigKey("some.secret", isSecret: true, "a secret"),
  ConfigKey("kafka.property", .properties, "properties"),
  ConfigKey("draw.only", .integer(0...9), default: "0", scope: .draw, "the other service's"),
  ConfigKey("worker.only", default: "w", scope: .worker, "our own"),
]

/// The worker's settings out of `someKeys`.
func settings(
  _ arguments: [String] = [], environment: [String: String] = [:], options: [ConfigKey] = [],
  keys: [ConfigKey] = someKeys
) throws -> Configuration {
  try Configuration(
    scope: .worker, options: options, arguments: arguments, environment: environment, keys: keys)
}

/// What is wrong, in the error's words; nil when nothing is.
func complaint(
  _ arguments: [String] = [], environment: [String: String] = [:], options: [ConfigKey] = [],
  keys: [ConfigKey] = someKeys
) -> String? {
  do {
    _ = try settings(arguments, environment: environment, options: options, keys: keys)
    return nil
  } catch {
    return "\(error)"
  }
}

/// A file that is there while `body` runs.
func withFile<Result>(
  _ content: String, _ body: (String) throws -> Result
) throws -> Result {
  let path = FileManager.default.temporaryDirectory.path + "/settings-\(UUID().uuidString)"
  try Data(content.utf8).write(to: URL(fileURLWithPath: path))
  defer { unlink(path) }
  return try body(path)
}
