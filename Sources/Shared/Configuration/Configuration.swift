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
  /// that name their key. Settings of the other service are accepted from file and environment.
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
    if let path = line.configFile ?? environment["\(ConfigKey.environmentPrefix)CONFIG"] {
      for entry in try ConfigFile.read(path) {
        try set(entry.name, entry.value, from: "\(path):\(entry.line)")
      }
    }
    for (name, value) in environment.sorted(by: { $0.key < $1.key })
    where name.hasPrefix(ConfigKey.environmentPrefix)
      && name != "\(ConfigKey.environmentPrefix)CONFIG"
    {
      try setFromEnvironment(name, value)
    }
    for entry in line.entries { try set(entry.name, entry.value, from: "the command line") }
  }

  /// The value of a text or choice; nil when it was not given and has no default, or is empty.
  public func text(_ name: String) -> String? {
    precondition(byName[name] != nil, "no such key: \(name)")
    return values[name].flatMap { $0.isEmpty ? nil : $0 }
  }

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

  public func flag(_ name: String) -> Bool { text(name) == "true" }

  /// The names and values below a `properties` key.
  public func properties(_ name: String) -> [String: String] { propertyValues[name] ?? [:] }

  private mutating func set(_ name: String, _ value: String, from source: String)
    throws(ConfigError)
  {
    if let key = byName[name], key.kind != .properties {
      if let complaint = key.complaint(about: value) {
        let shown = key.isSecret ? "" : " '\(value)'"
        throw ConfigError("\(name)\(shown) \(complaint) (from \(source))")
      }
      values[name] = value
    } else if name.hasSuffix("-file"), let key = byName[String(name.dropLast(5))], key.isSecret {
      values[key.name] = try ConfigFile.secret(value, for: key.name)
    } else if let key = propertiesKey(of: name) {
      let property = String(name.dropFirst(key.name.count + 1))
      propertyValues[key.name, default: [:]][property] = value
    } else {
      throw ConfigError("\(name) is no setting (from \(source))")
    }
  }

  private mutating func setFromEnvironment(_ variable: String, _ value: String) throws(ConfigError)
  {
    if let key = keys.first(where: { $0.scope != .command && $0.environmentName == variable }) {
      return try set(key.name, value, from: variable)
    }
    if variable.hasSuffix("_FILE"),
      let key = keys.first(where: { $0.isSecret && $0.environmentName + "_FILE" == variable })
    {
      values[key.name] = try ConfigFile.secret(value, for: key.name)
      return
    }
    if let key = keys.first(where: {
      $0.kind == .properties && variable.hasPrefix($0.environmentName + "_")
    }) {
      return try setProperty(of: key, variable, value)
    }
    throw ConfigError("\(variable) is no setting (from the environment)")
  }

  /// `…_KAFKA_PROPERTY_SASL_PASSWORD[_FILE]` is the property `sasl.password`.
  private mutating func setProperty(
    of key: ConfigKey, _ variable: String, _ value: String
  ) throws(ConfigError) {
    var rest = String(variable.dropFirst(key.environmentName.count + 1)).lowercased()
    var content = value
    if rest.hasSuffix("_file") {
      rest = String(rest.dropLast(5))
      content = try ConfigFile.secret(value, for: variable)
    }
    let property = String(rest.map { $0 == "_" ? "." : $0 })
    propertyValues[key.name, default: [:]][property] = content
  }

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
