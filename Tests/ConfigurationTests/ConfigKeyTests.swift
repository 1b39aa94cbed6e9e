import Testing

@testable import Configuration

@Suite struct ConfigKeyTests {
  @Test(arguments: ConfigKey.all.map(\.name))
  func aDefaultPassesItsOwnCheck(_ name: String) throws {
    let key = try #require(ConfigKey.all.first { $0.name == name })
    if let value = key.defaultValue {
      #expect(key.complaint(about: value) == nil)
      #expect(!key.isSecret)
    } else {
      #expect(key.isSecret || key.kind == .properties)
    }
    #expect(!key.help.isEmpty && !key.help.contains("|") && !key.help.contains("\n"))
    let allowed = name.allSatisfy { $0.isLowercase || $0.isNumber || $0 == "." || $0 == "-" }
    #expect(allowed)
  }

  @Test func noTwoKeysShareAnOptionOrAVariable() {
    #expect(Set(ConfigKey.all.map(\.option)).count == ConfigKey.all.count)
    #expect(Set(ConfigKey.all.map(\.environmentName)).count == ConfigKey.all.count)
    #expect(Set(ConfigKey.all.map(\.name)).count == ConfigKey.all.count)
    #expect(!ConfigKey.all.contains { ["--config", "--help"].contains($0.option) })
  }

  @Test func namesAreMadeByOneRule() {
    let key = ConfigKey("redis.command-timeout-ms", .integer(1...9), "")
    #expect(key.option == "--redis-command-timeout-ms")
    #expect(key.environmentName == "SLIDING_STOCK_REDIS_COMMAND_TIMEOUT_MS")
  }

  @Test(arguments: [ConfigKey.Scope.draw, .worker])
  func helpHasALineForEveryKey(_ scope: ConfigKey.Scope) {
    let keys = ConfigKey.all.filter { $0.scope == .both || $0.scope == scope }
    let lines = ConfigKey.help(keys).split(separator: "\n")
    #expect(lines.count == keys.count)
    for (key, line) in zip(keys, lines) {
      #expect(line.hasPrefix("  \(key.option)"))
      #expect(line.contains(key.help))
      if key.isSecret { #expect(line.hasPrefix("  \(key.option)-file PATH")) }
      if let value = key.defaultValue, !value.isEmpty {
        #expect(line.contains("(default \(value))"))
      }
      if case .integer(let range) = key.kind {
        #expect(line.contains("[\(range.lowerBound)…\(range.upperBound)]"))
      }
    }
  }

  @Test func theTableHasARowForEveryKeyAndNoSecretsDefault() {
    let rows = ConfigKey.markdownTable().split(separator: "\n").dropFirst(2)
    #expect(rows.count == ConfigKey.all.count)
    for (key, row) in zip(ConfigKey.all, rows) {
      #expect(row.hasPrefix("| `\(key.name)` | `\(key.environmentName)"))
      #expect(row.split(separator: "|").count == 6)
      if key.isSecret { #expect(row.contains("`…_FILE`") && row.contains("| — |")) }
    }
  }
}
