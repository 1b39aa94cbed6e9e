@testable import Configuration
@testable import DrawService
@testable import StockSyncWorker

/// Arguments, environment and settings file of both services, whatever they hold.
enum ConfigurationFuzzer {
  /// Made once: they are made of each other's letters.
  private static let keys = ConfigKey.all.map {
    ($0, option: $0.option, variable: $0.environmentName)
  }
  private static let names = keys.flatMap { [$0.0.name, $0.option, $0.variable] }

  static func judge(_ input: [UInt8]) -> Bool {
    guard let surroundings = Surroundings(input) else { return false }
    for scope in [ConfigKey.Scope.draw, .worker] { judge(surroundings, scope, input) }
    return true
  }

  private static func judge(
    _ surroundings: Surroundings, _ scope: ConfigKey.Scope, _ input: [UInt8]
  ) {
    do throws(ConfigError) {
      let configuration = try Configuration(
        scope: scope, arguments: surroundings.arguments, environment: surroundings.environment)
      if configuration.wantsHelp { return }
      judge(configuration, surroundings, scope)
      judgeWritten(configuration, scope)
      if scope == .draw {
        let settings = try Settings(configuration)
        demand(!settings.instance.isEmpty && settings.partitions > 0, "\(settings)")
      } else {
        let settings = try WorkerSettings(configuration)
        demand(settings.consumer.closeMs < settings.shutdownDeadlineMs, "\(settings)")
      }
    } catch {
      surroundings.judge(complaint: error.description, input: input, names: names)
    }
  }

  /// Each value is right by itself, the rules hold, and the nearest place counts.
  private static func judge(
    _ configuration: Configuration, _ surroundings: Surroundings, _ scope: ConfigKey.Scope
  ) {
    let file = surroundings.path.flatMap { try? ConfigFile.read($0) } ?? []
    for (key, option, variable) in keys where key.kind != .properties && !key.isSecret {
      let value = configuration.text(key.name)
      if let value { demand(key.complaint(about: value) == nil, "\(key.name) is '\(value)'") }
      let given =
        lastArgument(key, option, surroundings.arguments) ?? surroundings.environment[variable]
        ?? file.last { $0.name == key.name }?.value ?? key.defaultValue ?? ""
      demand(value ?? "" == given, "\(key.name) is '\(value ?? "")', not '\(given)'")
      if case .integer(let range) = key.kind {
        demand(range.contains(configuration.int(key.name)), "\(key.name) is out of range")
      }
    }
    for rule in Configuration.rules where isRead(rule.smaller, scope) && isRead(rule.larger, scope)
    {
      let (small, large) = (configuration.int(rule.smaller), configuration.int(rule.larger))
      demand(rule.order == .below ? small < large : small <= large, "\(rule)")
    }
  }

  private static func isRead(_ name: String, _ scope: ConfigKey.Scope) -> Bool {
    ConfigKey.all.contains { $0.name == name && ($0.scope == .both || $0.scope == scope) }
  }

  private static func lastArgument(
    _ key: ConfigKey, _ option: String, _ arguments: [String]
  ) -> String? {
    var found: String?
    let options = arguments.prefix { $0 != "--" }
    for (place, argument) in options.enumerated() {
      if argument.hasPrefix(option + "=") {
        found = String(argument.dropFirst(option.count + 1))
      } else if argument == option {
        found = key.kind == .flag ? "true" : arguments[place + 1]
      }
    }
    return found
  }

  /// All values that are no defaults given again on the command line alone are the same settings.
  private static func judgeWritten(_ configuration: Configuration, _ scope: ConfigKey.Scope) {
    let keys = ConfigKey.all.filter {
      ($0.scope == .both || $0.scope == scope) && $0.kind != .properties && !$0.isSecret
    }
    let arguments = keys.compactMap { key in
      let value = configuration.text(key.name) ?? ""
      return value == key.defaultValue ? nil : "\(key.option)=\(value)"
    }
    let again: Configuration
    do throws(ConfigError) {
      again = try Configuration(scope: scope, arguments: arguments, environment: [:])
    } catch {
      // The one value that a file may have and an argument may not.
      demand(error.description.contains("carries a password"), "given again: \(error)")
      return
    }
    for key in keys {
      demand(again.text(key.name) == configuration.text(key.name), "\(key.name) given again")
    }
  }
}
