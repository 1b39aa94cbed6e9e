import Configuration
import ControlTopic
import KafkaClient
import PostgresClient
import RedisClient

/// Everything that a recovery is made from, typed.
struct RecoverySettings: Sendable {
  var postgres: PostgresSettings
  var redis: RedisEndpoint
  var kafka: KafkaSettings
  /// Of events.
  var topic: String
  var partitions: Int32
  var controlTopic: String
  var replication: Int16
  var minInSyncReplicas: Int
  var timing: RecoveryFlow.Timing
  var checkMs: Int
  /// The lock's session ends by itself when nothing is heard for so long.
  var lockIdleMs: Int
  var retentionHours: Int

  init(_ configuration: Configuration, kafka: KafkaSettings) throws(ConfigError) {
    postgres = WorkerSettings.postgres(configuration, role: "recovery")
    redis = try WorkerSettings.redis(configuration)
    self.kafka = kafka
    topic = try configuration.required("kafka.topic")
    partitions = Int32(configuration.int("kafka.partitions"))
    controlTopic = try configuration.required("kafka.control-topic")
    replication = Int16(configuration.int("kafka.replication"))
    minInSyncReplicas = configuration.int("kafka.min-insync-replicas")
    timing = RecoveryFlow.Timing(
      leaseMs: configuration.int("lease.duration-ms"),
      marginMs: configuration.int("recovery.margin-ms"),
      extraWaitMs: configuration.int("recovery.extra-wait-ms"),
      stepLimitMs: configuration.int("recovery.step-limit-ms"))
    checkMs = configuration.int("recovery.check-ms")
    lockIdleMs = configuration.int("recovery.lock-idle-ms")
    retentionHours = configuration.int("activity.retention-hours")
  }

  /// Longest wait between two words to Postgres while the lock is held.
  var touchMs: Int { max(50, lockIdleMs / 3) }

  func ensureControlTopic(timeoutMs: Int) throws(KafkaError) -> KafkaAdmin.TopicState {
    try ControlLink.ensureTopic(
      kafka, topic: controlTopic, replication: replication, minInSyncReplicas: minInSyncReplicas,
      timeoutMs: timeoutMs)
  }
}
