import Configuration
import Glibc
import KafkaClient
import Log
import PostgresClient
import RedisClient

/// Everything that a running worker is built from, typed.
struct WorkerSettings: Sendable {
  var instance: String
  var logLevel: LogLevel
  var postgres: PostgresSettings
  var keeperPostgres: PostgresSettings
  var consumer: Consumer.Settings
  var recovery: RecoverySettings
  var partitions: Int32
  var replication: Int16
  var topicConfiguration: [String: String]
  var statsIntervalMs: Int
  var stallMs: Int
  var shutdownDeadlineMs: Int

  init(_ configuration: Configuration) throws(ConfigError) {
    instance = Self.instance(configuration)
    logLevel = LogLevel(name: try configuration.required("log.level"))!
    postgres = Self.postgres(configuration, role: "apply")
    postgres.parameters = BatchTransaction.parameters
    keeperPostgres = Self.postgres(configuration, role: "keeper")
    partitions = Int32(configuration.int("kafka.partitions"))
    replication = Int16(configuration.int("kafka.replication"))
    topicConfiguration = [
      "min.insync.replicas": String(configuration.int("kafka.min-insync-replicas"))
    ]
    statsIntervalMs = configuration.int("stats.interval-ms")
    stallMs = configuration.int("apply.stall-ms")
    shutdownDeadlineMs = configuration.int("shutdown.deadline-ms")
    let kafka = try Self.kafka(configuration)
    recovery = try RecoverySettings(configuration, kafka: kafka)
    consumer = try Self.consumer(configuration, kafka)
  }

  private static func instance(_ configuration: Configuration) -> String {
    configuration.text("instance") ?? defaultInstance()
  }

  static func kafka(_ configuration: Configuration) throws(ConfigError) -> KafkaSettings {
    let kafka = KafkaSettings(
      bootstrap: try configuration.required("kafka.bootstrap"), clientId: instance(configuration),
      properties: configuration.properties("kafka.property"))
    do { try kafka.refuseProtectedProperties() } catch { throw ConfigError(error.message) }
    return kafka
  }

  private static func consumer(_ configuration: Configuration, _ kafka: KafkaSettings)
    throws(ConfigError) -> Consumer.Settings
  {
    let sessionMs = configuration.int("kafka.session-timeout-ms")
    let pollMs = configuration.int("kafka.max-poll-interval-ms")
    guard pollMs >= sessionMs else {
      throw ConfigError(
        "kafka.max-poll-interval-ms \(pollMs) is below kafka.session-timeout-ms \(sessionMs)")
    }
    return Consumer.Settings(
      kafka: kafka, topic: try configuration.required("kafka.topic"),
      group: try configuration.required("kafka.group"), sessionTimeoutMs: sessionMs,
      maxPollIntervalMs: pollMs,
      limits: ConsumerFlow.Limits(
        batch: configuration.int("apply.batch"), flushMs: configuration.int("apply.flush-ms"),
        busyMs: min(2_000, pollMs / 3)),
      // Both of its waits, for the last batch and for the group, fit into the whole.
      closeMs: max(50, configuration.int("shutdown.deadline-ms") * 2 / 5))
  }

  /// How commands and threads reach Postgres; `role` is seen in pg_stat_activity.
  static func postgres(_ configuration: Configuration, role: String) -> PostgresSettings {
    PostgresSettings(
      connection: configuration.text("postgres.connection") ?? "",
      password: configuration.text("postgres.password"),
      applicationName: "stock-sync-worker \(role)",
      connectTimeoutMs: configuration.int("postgres.connect-timeout-ms"),
      statementTimeoutMs: configuration.int("postgres.statement-timeout-ms"),
      lockTimeoutMs: configuration.int("postgres.lock-timeout-ms"),
      invariants: [BatchTransaction.surplusInvariant])
  }

  static func redis(_ configuration: Configuration) throws(ConfigError) -> RedisEndpoint {
    RedisEndpoint(
      host: try configuration.required("redis.host"), port: configuration.int("redis.port"),
      socket: configuration.text("redis.socket"), username: configuration.text("redis.user"),
      password: configuration.text("redis.password"), database: configuration.int("redis.database"),
      connectTimeoutMs: configuration.int("redis.connect-timeout-ms"),
      commandTimeoutMs: configuration.int("redis.command-timeout-ms"),
      clientName: "stock-sync-worker")
  }

  private static func defaultInstance() -> String {
    var name = [CChar](repeating: 0, count: 256)
    gethostname(&name, name.count - 1)
    let host = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    return "\(host)-\(getpid())"
  }
}
