internal import KafkaClient
internal import Log

extension TopicSettings {
  /// Says what of an existing topic's settings the promises can't rest on, or that it can't be told.
  func warn(of topic: String, _ settings: Settings, _ log: Log) {
    var doubts: [Doubt] = []
    do {
      doubts = self.doubts(
        try KafkaAdmin.topicConfiguration(settings.kafka, name: topic, timeoutMs: 2_000))
    } catch {
      doubts = [Doubt(setting: "all", value: "unknown: \(error)", wanted: "to be readable")]
    }
    for doubt in doubts {
      log.warning(
        "kafka_setting",
        [
          "topic": .string(topic), "setting": .string(doubt.setting),
          "value": .string(doubt.value), "wanted": .string(doubt.wanted),
        ])
    }
  }
}
