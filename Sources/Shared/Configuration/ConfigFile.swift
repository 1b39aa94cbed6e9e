internal import Glibc

/// The settings file: `key = value` a line, `#` begins a comment line.
enum ConfigFile {
  /// More is no settings file.
  static let maximumBytes = 1 << 20

  struct Entry {
    let name: String
    let value: String
    let line: Int
  }

  static func read(_ path: String) throws(ConfigError) -> [Entry] {
    var entries: [Entry] = []
    var lines: [String: Int] = [:]
    let text = try contents(path, for: "config")
    for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      .enumerated()
    {
      let trimmed = trim(line)
      if trimmed.isEmpty || trimmed.first == "#" { continue }
      guard let separator = trimmed.firstIndex(of: "=") else {
        throw ConfigError("\(path):\(index + 1) is not 'key = value'")
      }
      let name = String(trim(trimmed[..<separator]))
      let value = String(trim(trimmed[trimmed.index(after: separator)...]))
      if let earlier = lines.updateValue(index + 1, forKey: name) {
        throw ConfigError("\(name) is set twice (from \(path):\(earlier) and \(path):\(index + 1))")
      }
      entries.append(Entry(name: name, value: value, line: index + 1))
    }
    return entries
  }

  /// A secret's file, without the newline at its end. An empty one is a mistake, not an empty secret.
  static func secret(_ path: String, for key: String) throws(ConfigError) -> String {
    var text = try contents(path, for: key)
    while text.last?.isNewline == true { text.removeLast() }
    if text.isEmpty { throw ConfigError("\(key): \(path) is empty") }
    if text.utf8.contains(0) { throw ConfigError("\(key): \(path) contains a NUL") }
    return text
  }

  private static func contents(_ path: String, for key: String) throws(ConfigError) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw ConfigError("\(key): cannot open \(path): \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4_096)
    while true {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      if count < 0 {
        throw ConfigError("\(key): cannot read \(path): \(String(cString: strerror(errno)))")
      }
      if count == 0 { break }
      bytes += chunk[..<count]
      if bytes.count > maximumBytes { throw ConfigError("\(key): \(path) is over 1 MiB") }
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw ConfigError("\(key): \(path) is not UTF-8")
    }
    return text
  }

  private static func trim(_ text: Substring) -> Substring {
    var rest = text
    while rest.first?.isWhitespace == true { rest.removeFirst() }
    while rest.last?.isWhitespace == true { rest.removeLast() }
    return rest
  }
}
