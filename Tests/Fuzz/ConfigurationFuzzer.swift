@testable import Configuration
@testable import DrawService
@testable import StockSyncWorker

/// Arguments, environment and settings file of both services, whatever they hold.
enum ConfigurationFuzzer {
  private static let names = ConfigKey.all.flatMap { [$0.name, $0.option, $0.environmentName] }

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
    for key in ConfigKey.all where key.kind != .properties && !key.isSecret {
      let value = configuration.text(key.name)
      if let value { demand(key.complaint(about: value) == nil, "\(key.name) is '\(value)'") }
      let given =
        lastArgument(key, surroundings.arguments) ?? surroundings.environment[key.environmentName]
        ?? file.last { $0.name == key.name }?.value ?? key.defaultValue ?? ""
      demand(value ?? "" == given, "\(key.name) is '\(value ?? "")', not '\(given)'")
      if case .integer(let range) = key.kind {
        demand(range.contains(configuration.int(key.name)), "\(key.name) is out of range")
      }
    }
    for rule in Configuration.rules where isRead(rule.smaller, scope) && isRead(rule.larger, scope)
    {
      demand(
        rule.holds(configuration.int(rule.smaller), configuration.int(rule.larger)), "\(rule)")
    }
  }

  private static func isRead(_ name: String, _ scope: ConfigKey.Scope) -> Bool {
    ConfigKey.all.contains { $0.name == name && ($0.scope == .both || $0.scope == scope) }
  }

  private static func lastArgument(_ key: ConfigKey, _ arguments: [String]) -> String? {
    var found: String?
    let options = arguments.prefix { $0 != "--" }
    for (place, argument) in options.enumerated() {
      if argument.hasPrefix(key.option + "=") {
        found = String(argument.dropFirst(key.option.count + 1))
      } else if argument == key.option {
        found = key.kind == .flag ? "true" : arguments[place + 1]
      }
    }
    return found
  }

  /// All values given again on the command line alone are the same settings.
  private static func judgeWritten(_ configuration: Configuration, _ scope: ConfigKey.Scope) {
    var arguments: [String] = []
    for key in ConfigKey.all
    where (key.scope == .both || key.scope == scope) && key.kind != .properties && !key.isSecret {
      arguments.append("\(key.option)=\(configuration.text(key.name) ?? "")")
    }
    let again: Configuration
    do throws(ConfigError) {
      again = try Configuration(scope: scope, arguments: arguments, environment: [:])
    } catch {
      // The one value that a file may have and an argument may not.
      demand(error.description.contains("carries a password"), "given again: \(error)")
      return
    }
    for key in ConfigKey.all
    where (key.scope == .both || key.scope == scope) && key.kind != .properties && !key.isSecret {
      demand(again.text(key.name) == configuration.text(key.name), "\(key.name) given again")
    }
  }
}
