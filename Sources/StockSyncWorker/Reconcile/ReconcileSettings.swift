import Configuration
import KafkaClient
import PostgresClient
import RedisClient

/// Everything that a reconciliation is made from, typed.
struct ReconcileSettings: Sendable {
  var postgres: PostgresSettings
  var redis: RedisEndpoint
  var kafka: KafkaSettings
  var topic: String
  var partitions: Int32
  /// Between two scheduled ones; 0: none.
  var intervalMs: Int
  /// Longest wait for Postgres to have applied what was in Kafka.
  var waitMs: Int
  var retentionHours: Int
  /// For the ends of all partitions.
  var kafkaTimeoutMs = 10_000
  /// Slots whose sides may be read anew and compared at a time; the rest waits its turn.
  var suspectLimit = 20_000

  init(_ configuration: Configuration, role: String) throws(ConfigError) {
    postgres = WorkerSettings.postgres(configuration, role: role)
    redis = try WorkerSettings.redis(configuration)
    kafka = try WorkerSettings.kafka(configuration)
    topic = try configuration.required("kafka.topic")
    partitions = Int32(configuration.int("kafka.partitions"))
    intervalMs = configuration.int("reconcile.interval-ms")
    waitMs = configuration.int("reconcile.wait-ms")
    retentionHours = configuration.int("activity.retention-hours")
  }
}
