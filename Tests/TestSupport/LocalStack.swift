import Glibc
import Threads

/// Private Redis, PostgreSQL and Kafka servers of one test, through `deploy/local/stack`.
///
/// They end with `end()`, with this object, or with the test process, however that ends.
public final class LocalStack: Sendable {
  public enum Part: String, Sendable, CaseIterable {
    case redis, postgres, kafka
  }

  /// The stack's data folder: logs are in `directory/redis/log` and so on.
  public let directory: String
  let isOurs: Bool
  private let variables: Lock<[String: String]>
  private let hasEnded = Lock(false)
  private let databasesGiven = Lock(0)
  /// Between the detour's clients and Kafka.
  let detour: RedirectingProxy?

  /// Starts private servers: Redis 0.1 s, PostgreSQL 1 s, Kafka 6 s (and 350 MB).
  ///
  /// `partitions` is the number of partitions for the topic of claims: set for the services, and made on the mock cluster.
  public static func start(
    _ parts: [Part] = Part.allCases, partitions: Int = 4
  ) throws -> LocalStack {
    let stack = LocalStack(directory: try temporaryDirectory("stack"), isOurs: true)
    try stack.up(parts, partitions: partitions)
    return stack
  }

  init(directory: String, isOurs: Bool, detour: RedirectingProxy? = nil) {
    self.directory = directory
    self.isOurs = isOurs
    self.detour = detour
    variables = Lock([:])
  }

  deinit { if isOurs { end() } }

  func up(
    _ parts: [Part], partitions: Int, options: [String] = [], environment: [String: String] = [:]
  ) throws {
    try command(
      ["up", "--owner", "\(getpid())", "--partitions", "\(partitions)"] + options
        + parts.map(\.rawValue), environment: environment)
  }

  /// Stops the servers and removes their data. May be called twice; does nothing to a stack that was handed in.
  public func end() {
    guard isOurs, !hasEnded.withLock({ exchange(&$0, true) }) else { return }
    _ = try? Subprocess.run(script, ["down", "--wipe", "--dir", directory], within: 120)
    detour?.end()
  }

  // MARK: Where the servers are. A trap here names a part that was not started.

  public var redisPort: Int { Int(setting("SLIDING_STOCK_REDIS_PORT"))! }
  /// Path of its Unix socket.
  public var redisSocket: String { setting("SLIDING_STOCK_REDIS_SOCKET") }
  /// libpq connection string: superuser, over the Unix socket, in the database `sliding_stock`, which starts empty.
  public var postgresURL: String { setting("SLIDING_STOCK_POSTGRES_CONNECTION") }
  public var postgresPort: Int { Int(setting("STACK_POSTGRES_PORT"))! }
  /// `HOST:PORT`, joined by commas.
  public var kafkaBootstrap: String { setting("SLIDING_STOCK_KAFKA_BOOTSTRAP") }
  public var kafkaPartitions: Int { Int(setting("SLIDING_STOCK_KAFKA_PARTITIONS"))! }
  /// False on librdkafka's mock cluster, which forgets everything when it ends and takes no new topics from clients.
  public var isRealKafka: Bool { setting("STACK_KAFKA_KIND") != "mock" }
  public var kafkaName: String { setting("STACK_KAFKA_NAME") }

  /// The services' settings for this stack (`SLIDING_STOCK_…`), for the environment of a `Subprocess`.
  public var serviceEnvironment: [String: String] {
    variables.withLock { $0.filter { $0.key.hasPrefix("SLIDING_STOCK_") } }
  }

  /// The same with Redis reached by way of a port, which a `RedirectingProxy` may have.
  public func serviceEnvironment(redisPort port: Int) -> [String: String] {
    var environment = serviceEnvironment
    environment["SLIDING_STOCK_REDIS_PORT"] = "\(port)"
    environment["SLIDING_STOCK_REDIS_SOCKET"] = nil
    return environment
  }

  /// The process id of a part's server.
  public func pid(_ part: Part) -> Int32 {
    Int32(setting("STACK_\(part.rawValue.uppercased())_PID"))!
  }

  // MARK: Breaking things

  /// Stops a part in good order (SIGTERM; PostgreSQL: fast shutdown) and waits for its end.
  public func stop(_ part: Part) throws { try command(["stop", part.rawValue]) }

  /// Ends a part with SIGKILL.
  public func kill(_ part: Part) throws { try command(["kill", part.rawValue]) }

  /// Starts a stopped or killed part on the same port with the same data (the mock cluster: another port, no data), and
  /// waits until it serves.
  public func restart(_ part: Part) throws { try command(["start", part.rawValue]) }

  // MARK: Room of one's own on a stack that tests share

  /// Makes an empty database and gives its connection string.
  public func freshDatabase() throws -> String {
    let name = "test_" + randomWord()
    try Subprocess.run("psql", ["-X", "-q", "-d", postgresURL, "-c", "CREATE DATABASE \(name)"])
    return postgresURL.replacingDatabase(with: name)
  }

  /// A topic name that nobody has. On the mock cluster the topic is made; a real Kafka takes it from its client.
  public func freshTopic(partitions: Int = 4) throws -> String {
    let name = "test." + randomWord()
    if !isRealKafka { try command(["topic", name, "\(partitions)"]) }
    return name
  }

  /// The number of a Redis database that no other test of this process gets, emptied: 1 to 999.
  public func freshRedisDatabase() throws -> Int {
    let number = databasesGiven.withLock { number in
      number += 1
      return number
    }
    guard number < 1_000 else { throw TestSupportError("all 999 Redis databases are given away") }
    try Subprocess.run("redis-cli", ["-s", redisSocket, "-n", "\(number)", "flushdb"])
    return number
  }

  // MARK: The script

  private var script: String { projectDirectory + "/deploy/local/stack" }

  /// One command of `deploy/local/stack`; takes over what it says about the servers. Gives what it printed.
  @discardableResult
  func command(_ words: [String], environment more: [String: String] = [:]) throws -> String {
    var environment = more
    if let mock = try? builtProduct("MockKafka") { environment["STACK_MOCK_KAFKA"] = mock }
    let output = try Subprocess.run(
      script, words + ["--dir", directory], environment: environment, within: 300)
    try readEnvironment()
    return output
  }

  /// Takes over `directory/env`: lines `export NAME='VALUE'`.
  func readEnvironment() throws {
    guard let text = readFile(directory + "/env") else {
      throw TestSupportError("\(directory)/env cannot be read")
    }
    variables.withLock { $0 = parseEnvironment(text) }
  }

  func setting(_ name: String) -> String {
    guard let value = variables.withLock({ $0[name] }) else {
      fatalError("the stack in \(directory) has no \(name): was that part started?")
    }
    return value
  }
}

/// Lines `export NAME='VALUE'` as a dictionary.
func parseEnvironment(_ text: String) -> [String: String] {
  var variables: [String: String] = [:]
  for line in text.split(separator: "\n") where line.hasPrefix("export ") {
    let halves = line.dropFirst(7).split(separator: "=", maxSplits: 1)
    guard halves.count == 2 else { continue }
    variables[String(halves[0])] = String(halves[1].dropFirst().dropLast())
  }
  return variables
}

func randomWord() -> String { String(UInt64.random(in: 0...UInt64.max), radix: 36) }

private func exchange(_ value: inout Bool, _ new: Bool) -> Bool {
  defer { value = new }
  return value
}

extension String {
  /// This libpq connection string with another `dbname`.
  fileprivate func replacingDatabase(with name: String) -> String {
    split(separator: " ").map { $0.hasPrefix("dbname=") ? "dbname=\(name)" : String($0) }
      .joined(separator: " ")
  }
}
