import CRdKafka

extension MockCluster {
  /// Does it; what there is to say about it, or nothing.
  func carryOut(_ command: Command) throws(Problem) -> String {
    switch command {
    case .errors(let broker, let api, let error, let count, let delayMs):
      for _ in 0..<count {
        try check(mock_broker_push_request_error_rtt(cluster, broker, api, error, delayMs))
      }
    case .left(let broker, let api):
      var count = 0
      try check(rd_kafka_mock_broker_error_stack_cnt(cluster, broker, api, &count))
      return "\(count)"
    case .roundTrip(let broker, let ms):
      try check(rd_kafka_mock_broker_set_rtt(cluster, broker, ms))
    case .down(let broker): try check(rd_kafka_mock_broker_set_down(cluster, broker))
    case .up(let broker): try check(rd_kafka_mock_broker_set_up(cluster, broker))
    case .leader(let topic, let partition, let broker):
      try check(rd_kafka_mock_partition_set_leader(cluster, topic, partition, broker))
    case .follower(let topic, let partition, let broker):
      try check(rd_kafka_mock_partition_set_follower(cluster, topic, partition, broker))
    case .coordinator(let group, let broker):
      try check(rd_kafka_mock_coordinator_set(cluster, "group", group, broker))
    }
    return ""
  }

  private func check(_ error: rd_kafka_resp_err_t) throws(Problem) {
    if error == RD_KAFKA_RESP_ERR_NO_ERROR { return }
    throw Problem(description: String(cString: rd_kafka_err2str(error)))
  }
}
