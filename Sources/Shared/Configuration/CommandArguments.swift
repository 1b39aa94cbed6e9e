/// A command line taken apart: `--key value`, `--key=value`, `--flag`, `--properties name=value`, words.
struct CommandArguments {
  private(set) var entries: [(name: String, value: String)] = []
  private(set) var positionals: [String] = []
  private(set) var configFile: String?
  private(set) var wantsHelp = false

  init(_ arguments: [String], keys: [ConfigKey]) throws(ConfigError) {
    let byOption = Dictionary(keys.map { ($0.option, $0) }) { first, _ in first }
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      if argument == "--help" || argument == "-h" {
        wantsHelp = true
      } else if argument == "--" {
        positionals += rest
        rest = []
      } else if argument.hasPrefix("--") {
        try takeOption(argument, &rest, byOption)
      } else {
        positionals.append(argument)
      }
    }
  }

  private mutating func takeOption(
    _ argument: String, _ rest: inout ArraySlice<String>, _ byOption: [String: ConfigKey]
  ) throws(ConfigError) {
    let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let option = String(parts[0])
    var value = parts.count == 2 ? String(parts[1]) : nil
    if option == "--config" {
      configFile = try Self.value(value, &rest, after: option)
      return
    }
    guard let key = byOption[option] else {
      if option.hasSuffix("-file"), let key = byOption[String(option.dropLast(5))], key.isSecret {
        entries.append((key.name + "-file", try Self.value(value, &rest, after: option)))
        return
      }
      throw ConfigError("\(option) is no option; --help lists them")
    }
    if key.isSecret {
      throw ConfigError(
        "\(option) is a secret and not taken from arguments: use \(key.environmentName), "
          + "\(key.environmentName)_FILE or \(option)-file")
    }
    if key.kind == .flag, value == nil { value = "true" }
    let given = try Self.value(value, &rest, after: option)
    if key.kind == .properties {
      try takeProperty(key, given)
    } else {
      entries.append((key.name, given))
    }
  }

  private mutating func takeProperty(_ key: ConfigKey, _ given: String) throws(ConfigError) {
    let pair = given.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard pair.count == 2, !pair[0].isEmpty else {
      throw ConfigError("\(key.option) takes name=value")
    }
    let name = pair[0].lowercased()
    if ["password", "secret", "pem", "oauthbearer.config"].contains(where: name.contains) {
      throw ConfigError(
        "\(key.option) \(name) is a secret and not taken from arguments: use "
          + "\(key.environmentName)_\(String(name.uppercased().map { $0 == "." ? "_" : $0 }))_FILE")
    }
    entries.append(("\(key.name).\(pair[0])", String(pair[1])))
  }

  /// What stood after `=`, or else the next word.
  private static func value(
    _ given: String?, _ rest: inout ArraySlice<String>, after option: String
  ) throws(ConfigError) -> String {
    guard let value = given ?? rest.popFirst() else { throw ConfigError("\(option) has no value") }
    return value
  }
}
