extension ConfigKey {
  /// The option list of `--help` for the keys that a scope reads.
  public static func help(_ keys: [ConfigKey]) -> String {
    let left = keys.map { key -> String in
      switch key.kind {
      case .flag: "  \(key.option)"
      case _ where key.isSecret: "  \(key.option)-file PATH"
      case .properties: "  \(key.option) NAME=VALUE"
      default: "  \(key.option) VALUE"
      }
    }
    let width = (left.map(\.count).max() ?? 0) + 2
    return zip(keys, left).map { key, option in
      let shownDefault = key.defaultValue.map { $0.isEmpty ? "" : " (default \($0))" } ?? ""
      let type = key.kind == .text && !key.isSecret ? "" : " [\(key.typeText)]"
      let padding = String(repeating: " ", count: width - option.count)
      return "\(option)\(padding)\(key.help)\(type)\(shownDefault)"
    }.joined(separator: "\n")
  }

  /// The table of the README.
  public static func markdownTable(_ keys: [ConfigKey] = all) -> String {
    let head =
      "| setting | environment | type | default | read by | what it does |\n|---|---|---|---|---|---|\n"
    let readers: [Scope: String] = [
      .both: "both", .draw: "DrawService", .worker: "StockSyncWorker", .command: "",
    ]
    return head
      + keys.map { key in
        let shownDefault = key.defaultValue.flatMap { $0.isEmpty ? nil : "`\($0)`" } ?? "—"
        let environment = key.kind == .properties ? "\(key.environmentName)_…" : key.environmentName
        let file = key.isSecret ? ", `…_FILE`" : ""
        return "| `\(key.name)` | `\(environment)`\(file) | \(key.typeText) | \(shownDefault) "
          + "| \(readers[key.scope]!) | \(key.help) |"
      }.joined(separator: "\n") + "\n"
  }
}
