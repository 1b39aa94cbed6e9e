/// A way to Kafka that a test can break, of some of its clients alone.
///
/// A broker tells each client where to go on from the address that it came in by. Clients that begin at the detour are
/// sent to it again, whatever they ask; the others reach the broker directly and are not disturbed.
extension LocalStack {
  /// A stack with one real broker that has a detour. Needs KAFKA_HOME.
  public static func startWithDetour(
    _ parts: [Part] = Part.allCases, partitions: Int = 4
  ) throws -> LocalStack {
    guard KafkaBrokers.canStart else {
      throw TestSupportError("a detour needs a real Kafka: set KAFKA_HOME")
    }
    let port = freePort()
    let stack = LocalStack(
      directory: try temporaryDirectory("stack"), isOurs: true,
      detour: try RedirectingProxy(to: port, host: "127.0.100.1", port: port))
    try stack.up(
      parts, partitions: partitions,
      environment: ["STACK_KAFKA_DETOUR": "\(port)", "KAFKA_BOOTSTRAP_SERVERS": ""])
    return stack
  }

  /// What stands between the detour's clients and the broker.
  public var kafkaDetour: RedirectingProxy {
    guard let detour else { fatalError("the stack in \(directory) has no detour") }
    return detour
  }

  /// Where clients of the detour begin: `HOST:PORT`.
  public var kafkaDetourBootstrap: String { "127.0.100.1:\(kafkaDetour.port)" }
}
