import CRdKafka
import Glibc

/// The brokers of librdkafka's mock cluster, 1 and on, each on a port of 127.0.0.1 that the kernel chose.
final class MockCluster {
  static let brokerLimit: Int32 = 9

  private let client: OpaquePointer
  let cluster: OpaquePointer

  /// Where clients reach them: `HOST:PORT`, joined by commas.
  let bootstrap: String

  init(brokers: Int32) throws(Problem) {
    var reason = [CChar](repeating: 0, count: 512)
    // The cluster lives inside a client, whose own connections are not used.
    guard let client = rd_kafka_new(RD_KAFKA_PRODUCER, nil, &reason, reason.count) else {
      throw Problem(description: "rd_kafka_new failed")
    }
    guard let cluster = rd_kafka_mock_cluster_new(client, brokers) else {
      rd_kafka_destroy(client)
      throw Problem(description: "rd_kafka_mock_cluster_new failed")
    }
    self.client = client
    self.cluster = cluster
    bootstrap = String(cString: rd_kafka_mock_cluster_bootstraps(cluster))
  }

  deinit {
    rd_kafka_mock_cluster_destroy(cluster)
    rd_kafka_destroy(client)
  }

  func create(_ topic: Topic) throws(Problem) {
    let error = rd_kafka_mock_topic_create(cluster, topic.name, topic.partitions, 1)
    guard error == RD_KAFKA_RESP_ERR_NO_ERROR else {
      throw Problem(description: "topic \(topic.name): \(String(cString: rd_kafka_err2str(error)))")
    }
  }
}
