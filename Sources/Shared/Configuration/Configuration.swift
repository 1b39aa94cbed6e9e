internal import Glibc

/// The settings of one process: command line before environment before file before default, all checked.
public struct Configuration: Sendable {
  private var values: [String: String] = [:]
  private var propertyValues: [String: [String: String]] = [:]
  /// Arguments that are no options, in order.
  public private(set) var positionals: [String] = []
  /// `--help` or `-h` was given: nothing else was checked.
  public private(set) var wantsHelp = false

  private let keys: [ConfigKey]
  private let byName: [String: ConfigKey]

  /// Reads the settings of a service (`scope`), with a command's own options after them.
  ///
  /// Unknown options, keys and `SLIDING_STOCK_…` variables, wrong values and missing files are errors
  /// that name their key, and so are settings that don't fit together (`checkRules`). Settings of the
  /// other service are accepted from file and environment.
  public init(
    scope: ConfigKey.Scope, options: [ConfigKey] = [], arguments: [String],
    environment: [String: String], keys: [ConfigKey] = ConfigKey.all
  ) throws(ConfigError) {
    self.keys = keys + options
    byName = Dictionary(self.keys.map { ($0.name, $0) }) { first, _ in first }
    let own = self.keys.filter { $0.scope == .both || $0.scope == scope || $0.scope == .command }

    for key in self.keys { values[key.name] = key.defaultValue }
    let line = try CommandArguments(arguments, keys: own)
    positionals = line.positionals
    if line.wantsHelp {
      wantsHelp = true
      return
    }
    let fileVariable = "\(ConfigKey.environmentPrefix)CONFIG"
    if let path = line.configFile ?? environment[fileVariable], !path.isEmpty {
      for entry in try ConfigFile.read(path) {
        try set(entry.name, entry.value, from: "\(path):\(entry.line)")
      }
    }
    for (name, value) in environment.sorted(by: { $0.key < $1.key })
    where name.hasPrefix(ConfigKey.environmentPrefix) && name != fileVariable {
      if environment[name + "_FILE"] != nil {
        throw ConfigError("\(name) and \(name)_FILE are both set: which one counts?")
      }
      try setFromEnvironment(name, value)
    }
    for entry in line.entries {
      try set(entry.name, entry.value, from: "the command line", isCommandLine: true)
    }
    try checkRules(scope: scope)
  }

  /// The value of a text or choice; nil when it was not given and has no default, or is empty.
  public func text(_ name: String) -> String? {
    precondition(byName[name] != nil, "no such key: \(name)")
    return values[name].flatMap { $0.isEmpty ? nil : $0 }
  }

  /// A text that has to be there; the error names where it can be given.
  public func required(_ name: String) throws(ConfigError) -> String {
    guard let value = text(name) else {
      let key = byName[name]!
      let places = key.scope == .command ? key.option : "\(key.option) or \(key.environmentName)"
      throw ConfigError("\(name) is missing: give \(places)")
    }
    return value
  }

  /// The value of a number; it was checked at start. Traps for a key without a value.
  public func int(_ name: String) -> Int {
    guard let text = text(name), let value = Int(text) else {
      preconditionFailure("\(name) has no number")
    }
    return value
  }

  /// Whether a flag is true.
  public func flag(_ name: String) -> Bool { text(name) == "true" }

  /// The names and values below a `properties` key.
  public func properties(_ name: String) -> [String: String] { propertyValues[name] ?? [:] }

  private mutating func set(
    _ name: String, _ value: String, from source: String, isCommandLine: Bool = false
  ) throws(ConfigError) {
    if let key = byName[name], key.kind != .properties {
      if key.scope == .command, !isCommandLine {
        throw ConfigError("\(name) is an option of a command, no setting (from \(source))")
      }
      if let complaint = key.complaint(about: value) {
        let shown = key.kind == .text ? "" : " '\(Self.shown(value))'"
        throw ConfigError("\(name)\(shown) \(complaint) (from \(source))")
      }
      values[name] = value
    } else if name.hasSuffix("-file"), let key = byName[String(name.dropLast(5))], key.isSecret {
      values[key.name] = try ConfigFile.secret(value, for: "\(key.name) (from \(source))")
    } else if let key = propertiesKey(of: name) {
      let property = String(name.dropFirst(key.name.count + 1))
      try setProperty(of: key, property, value, isFile: property.hasSuffix("-file"), from: source)
    } else {
      throw ConfigError("\(name) is no setting (from \(source))")
    }
  }

  private mutating func setFromEnvironment(
    _ variable: String, _ value: String
  ) throws(ConfigError) {
    #if TEST_SWITCHES
      // Read where they work, in the test build alone.
      if variable.hasPrefix("SLIDING_STOCK_TEST_") { return }
    #endif
    if let key = keys.first(where: { $0.scope != .command && $0.environmentName == variable }) {
      return try set(key.name, value, from: variable)
    }
    if variable.hasSuffix("_FILE"),
      let key = keys.first(where: { $0.isSecret && $0.environmentName + "_FILE" == variable })
    {
      return try set(key.name + "-file", value, from: variable)
    }
    if let key = keys.first(where: {
      $0.kind == .properties && variable.hasPrefix($0.environmentName + "_")
    }) {
      // `…_KAFKA_PROPERTY_SASL_PASSWORD[_FILE]` is the property `sasl.password`.
      let rest = variable.dropFirst(key.environmentName.count + 1).lowercased()
      let isFile = rest.hasSuffix("_file")
      let property = String((isFile ? rest.dropLast(5) : rest[...]).map { $0 == "_" ? "." : $0 })
      return try setProperty(
        of: key, isFile ? property + "-file" : property, value, isFile: isFile, from: variable)
    }
    throw ConfigError("\(variable) is no setting (from the environment)")
  }

  /// `isFile`: the name ends with `-file`, and the value is the path of the file that holds the property's.
  private mutating func setProperty(
    of key: ConfigKey, _ property: String, _ value: String, isFile: Bool, from source: String
  ) throws(ConfigError) {
    let name = isFile ? String(property.dropLast(5)) : property
    guard !name.isEmpty else { throw ConfigError("\(key.name) names no property (from \(source))") }
    let full = "\(key.name).\(name)"
    if let complaint = key.complaint(about: value) {
      throw ConfigError("\(full) \(complaint) (from \(source))")
    }
    propertyValues[key.name, default: [:]][name] =
      isFile ? try ConfigFile.secret(value, for: "\(full) (from \(source))") : value
  }

  /// nil when there is no such key.
  func key(_ name: String) -> ConfigKey? { byName[name] }

  private func propertiesKey(of name: String) -> ConfigKey? {
    keys.first { $0.kind == .properties && name.hasPrefix($0.name + ".") }
  }
}

/// The process's environment as a dictionary.
public func processEnvironment() -> [String: String] {
  var result: [String: String] = [:]
  var entry = environ
  while let text = entry.pointee {
    let line = String(cString: text)
    if let separator = line.firstIndex(of: "=") {
      result[String(line[..<separator])] = String(line[line.index(after: separator)...])
    }
    entry += 1
  }
  return result
}

extension Configuration {
  /// A word of the command line as a complaint may show it: what stands behind its `=` may be a secret that went astray.
  public static func shown(_ word: String) -> String {
    guard let equals = word.firstIndex(of: "=") else { return word }
    return "\(word[..<equals])=…"
  }
}
