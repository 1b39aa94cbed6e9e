/// A command line taken apart: `--key value`, `--key=value`, `--flag`, `--properties name=value`, words.
struct CommandArguments {
  private(set) var entries: [(name: String, value: String)] = []
  private(set) var positionals: [String] = []
  private(set) var configFile: String?
  private(set) var wantsHelp = false

  init(_ arguments: [String], keys: [ConfigKey]) throws(ConfigError) {
    let byOption = Dictionary(keys.map { ($0.option, $0) }) { first, _ in first }
    var rest = arguments[...]
    wantsHelp = arguments.prefix { $0 != "--" }.contains { Self.helpOptions.contains($0) }
    while let argument = rest.popFirst() {
      if argument == "--" {
        positionals += rest
        rest = []
      } else if argument.hasPrefix("-"), argument != "-" {
        do {
          try takeOption(argument, &rest, byOption)
        } catch {
          // Who asks for help may have everything else wrong.
          if !wantsHelp { throw error }
        }
      } else {
        positionals.append(argument)
      }
    }
  }

  private static let helpOptions = ["--help", "-h"]

  private mutating func takeOption(
    _ argument: String, _ rest: inout ArraySlice<String>, _ byOption: [String: ConfigKey]
  ) throws(ConfigError) {
    if Self.helpOptions.contains(argument) { return }
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
    if key.name == "postgres.connection", Self.carriesPassword(given) {
      throw ConfigError(
        "\(option) carries a password, which is not taken from arguments: use postgres.password")
    }
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
    if !name.hasSuffix("-file"),
      ["password", "secret", "pem", "oauthbearer.config"].contains(where: name.contains)
    {
      let variable = String(name.uppercased().map { $0 == "." ? "_" : $0 })
      throw ConfigError(
        "\(key.option) \(name) is a secret and not taken from arguments: use "
          + "\(key.environmentName)_\(variable)_FILE or \(key.option) \(name)-file=PATH")
    }
    entries.append(("\(key.name).\(pair[0])", String(pair[1])))
  }

  /// Whether a libpq connection string has a password in it: as a word, or before the `@` of a URI.
  private static func carriesPassword(_ connection: String) -> Bool {
    if connection.lowercased().contains("password") { return true }
    guard let scheme = connection.firstRange(of: "://") else { return false }
    let authority = connection[scheme.upperBound...].prefix { $0 != "/" && $0 != "?" }
    guard let at = authority.lastIndex(of: "@") else { return false }
    return authority[..<at].contains(":")
  }

  /// What stood after `=`, or else the next word, unless that looks like an option.
  private static func value(
    _ given: String?, _ rest: inout ArraySlice<String>, after option: String
  ) throws(ConfigError) -> String {
    if let given { return given }
    guard let next = rest.first, !next.hasPrefix("--") else {
      throw ConfigError("\(option) has no value")
    }
    rest.removeFirst()
    return next
  }
}
