public import KafkaClient

extension ControlLink {
  /// Makes the control topic if it isn't there: one partition, compacted, in small segments, so that an instance that
  /// starts reads little. An existing topic is left as it is; one with more partitions is an error.
  public static func ensureTopic(
    _ settings: KafkaSettings, topic: String, replication: Int16, minInSyncReplicas: Int,
    timeoutMs: Int = 30_000
  ) throws(KafkaError) -> KafkaAdmin.TopicState {
    try KafkaAdmin.ensureTopic(
      settings, name: topic, partitions: 1, replication: replication,
      configuration: [
        "cleanup.policy": "compact",
        "min.insync.replicas": "\(minInSyncReplicas)",
        "unclean.leader.election.enable": "false",
        // Only closed segments are compacted: heartbeats of ten minutes or one megabyte stay, not more.
        "segment.ms": "600000",
        "segment.bytes": "1048576",
        "min.cleanable.dirty.ratio": "0.01",
      ],
      timeoutMs: timeoutMs)
  }
}
