import CRdKafka
import KafkaClient

/// librdkafka's own mock of a cluster inside the test's process: for errors that a real broker gives rarely (K14).
final class MockCluster: @unchecked Sendable {  // every call on it is thread-safe
  private let host: OpaquePointer
  private let cluster: OpaquePointer
  static let topic = "mocked"

  init(brokers: Int32 = 1, partitions: Int32 = 4) {
    let text = UnsafeMutablePointer<CChar>.allocate(capacity: 512)
    defer { text.deallocate() }
    let configuration = rd_kafka_conf_new()
    _ = rd_kafka_conf_set(configuration, "log_level", "3", text, 512)
    host = rd_kafka_new(RD_KAFKA_PRODUCER, configuration, text, 512)!
    cluster = rd_kafka_mock_cluster_new(host, brokers)!
    let error = rd_kafka_mock_topic_create(cluster, Self.topic, partitions, brokers)
    precondition(error == RD_KAFKA_RESP_ERR_NO_ERROR)
  }

  deinit {
    rd_kafka_mock_cluster_destroy(cluster)
    rd_kafka_destroy(host)
  }

  var settings: KafkaSettings {
    KafkaSettings(
      bootstrap: String(cString: rd_kafka_mock_cluster_bootstraps(cluster)), clientId: "test")
  }

  /// Closes its connections and takes no new ones.
  func setDown() { rd_kafka_mock_broker_set_down(cluster, 1) }
  func setUp() { rd_kafka_mock_broker_set_up(cluster, 1) }

  /// The topic's first partition moves to that broker.
  func setLeader(_ broker: Int32) {
    rd_kafka_mock_partition_set_leader(cluster, Self.topic, 0, broker)
  }

  /// Replies come that much later; what they answer was done at once.
  func setRoundTrip(ms: Int32) { rd_kafka_mock_broker_set_rtt(cluster, 1, ms) }

  /// The next produce requests are refused like this and not appended.
  func refuseProduce(_ errors: [rd_kafka_resp_err_t]) {
    var errors = errors
    rd_kafka_mock_push_request_errors_array(cluster, 0, errors.count, &errors)
  }
}
