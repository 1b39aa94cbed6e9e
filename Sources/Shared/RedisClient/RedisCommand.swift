/// One command with its arguments, any bytes, kept as one flat buffer: appending hundreds of arguments
/// costs a few allocations.
public struct RedisCommand: Sendable {
  /// All arguments, one after the other, the command's name first.
  private(set) var bytes: [UInt8] = []
  /// Where each argument ends in `bytes`.
  private(set) var ends: [Int] = []
  /// What to load when the server says NOSCRIPT.
  private(set) var script: RedisScript?

  public init(_ name: String, _ arguments: String...) {
    append(name)
    for argument in arguments { append(argument) }
  }

  /// A call of `script`; what is appended later follows `arguments`.
  public static func script(
    _ script: RedisScript, keys: [String], arguments: [String] = []
  ) -> RedisCommand {
    var command = RedisCommand("EVALSHA", script.sha1)
    command.script = script
    command.append(Int64(keys.count))
    for key in keys { command.append(key) }
    for argument in arguments { command.append(argument) }
    return command
  }

  /// Arguments, the command's name included.
  public var argumentCount: Int { ends.count }

  /// Bytes of all arguments.
  public var byteCount: Int { bytes.count }

  public mutating func append(_ argument: String) {
    bytes.append(contentsOf: argument.utf8)
    ends.append(bytes.count)
  }

  /// In decimal.
  public mutating func append(_ argument: Int64) {
    append(String(argument))
  }

  public mutating func append(_ argument: [UInt8]) {
    bytes.append(contentsOf: argument)
    ends.append(bytes.count)
  }
}
