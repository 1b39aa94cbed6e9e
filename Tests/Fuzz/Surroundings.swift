import Glibc

/// What a process is started with, out of one input: a line that begins with `>` is an argument, one with `$` a variable
/// (`$NAME=VALUE`), the others are the settings file. `@` alone, or after `=`, stands for that file's path.
struct Surroundings {
  private(set) var arguments: [String] = []
  private(set) var environment: [String: String] = [:]
  /// Of the settings file; nil: the input has none, and names none.
  let path: String?
  /// Secrets' values that stand nowhere else in the input.
  private(set) var secrets: [String] = []

  /// nil: not to be tried, for it would read files of the machine, which may block.
  init?(_ input: [UInt8]) {
    guard let text = String(validating: input, as: UTF8.self), !text.contains("/dev"),
      !text.contains("/proc"), !text.utf8.contains(0)
    else { return nil }
    var file: [Substring] = []
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      switch line.first {
      case ">": arguments.append(Self.replaced(line.dropFirst()))
      case "$":
        let pair = line.dropFirst().split(separator: "=", maxSplits: 1)
        if pair.count == 2 { environment[String(pair[0])] = Self.replaced(pair[1]) }
      default: file.append(line)
      }
    }
    // Named without a line of its own it is empty, not the last input's.
    let isNamed = (arguments + environment.values).contains { $0.contains(SettingsFile.path) }
    path = file.isEmpty && !isNamed ? nil : SettingsFile.path
    if path != nil {
      SettingsFile.write(file.joined(separator: "\n"))
      environment["SLIDING_STOCK_CONFIG"] = SettingsFile.path
    }
    // A secret that nothing may ever show; libFuzzer puts into its inputs what it sees compared.
    let planted = "planted-5ecret"
    if environment["SLIDING_STOCK_REDIS_PASSWORD_FILE"] == nil, !text.contains(planted) {
      environment["SLIDING_STOCK_REDIS_PASSWORD"] = planted
      secrets.append(planted)
    }
    noteSecrets(in: text)
  }

  private static func replaced(_ text: Substring) -> String {
    if text == "@" { return SettingsFile.path }
    return text.hasSuffix("=@") ? text.dropLast() + SettingsFile.path : String(text)
  }

  /// Those of the arguments too, where they are refused.
  private mutating func noteSecrets(in text: String) {
    for argument in arguments {
      let pair = argument.split(separator: "=", maxSplits: 1)
      guard pair.count == 2, pair[0].hasSuffix("-password"), pair[1].utf8.count >= 6 else {
        continue
      }
      if text.ranges(of: pair[1]).count == 1 { secrets.append(String(pair[1])) }
    }
  }

  /// What a person is told names the culprit, is not endless, and shows no secret.
  func judge(complaint text: String, input: [UInt8], names: [String]) {
    // An option that takes no secret is named as it was given, as the variable and as the option to use instead: three times.
    demand(text.utf8.count <= 3 * input.count + 500, "a complaint of \(text.utf8.count) bytes")
    for secret in secrets { demand(!holds(text, secret), "'\(text)' shows a secret") }
    let words = arguments.map { String($0.prefix { $0 != "=" }) } + environment.keys
    let isNamed =
      names.contains { holds(text, $0) } || words.contains { holds(text, $0) }
      || path.map { holds(text, $0) } == true || text.hasPrefix("Kafka property ")
      || text.hasPrefix("config: ")
    demand(isNamed, "'\(text)' names nothing")
  }

  /// By bytes: ten times quicker than by characters.
  private func holds(_ text: String, _ word: String) -> Bool { strstr(text, word) != nil }
}

/// One settings file without a name on the disk, written anew for each input.
enum SettingsFile {
  private static let descriptor: Int32 = {
    var name = Array("/tmp/fuzz-settings-XXXXXX".utf8CString)
    let descriptor = mkstemp(&name)
    demand(descriptor >= 0 && unlink(name) == 0, "no file in /tmp")
    return descriptor
  }()

  static let path = "/proc/self/fd/\(descriptor)"

  static func write(_ text: String) {
    let bytes = Array(text.utf8)
    demand(
      ftruncate(descriptor, 0) == 0 && pwrite(descriptor, bytes, bytes.count, 0) == bytes.count,
      "the settings file cannot be written")
  }
}
