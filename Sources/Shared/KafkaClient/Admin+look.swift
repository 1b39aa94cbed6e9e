import CRdKafka
import Threads

extension AdminClient {
  /// The offset after the newest record of the partition.
  func endOffset(
    _ topic: String, _ partition: Int32, until deadline: MonotonicTime
  ) throws(KafkaError) -> Int64 {
    var low: Int64 = 0
    var high: Int64 = 0
    let error = rd_kafka_query_watermark_offsets(
      client, topic, partition, &low, &high, Int32(clamping: max(1, deadline.remainingMs)))
    if error == RD_KAFKA_RESP_ERR_NO_ERROR { return high }
    let failure = KafkaError(error)
    throw KafkaError(
      code: failure.code, message: "partition \(partition) of \(topic): \(failure.message)",
      isRetriable: failure.isRetriable)
  }

  /// The topic's properties with the defaults that apply; those without a value are left out.
  func configuration(
    _ topic: String, until deadline: MonotonicTime
  ) throws(KafkaError) -> [String: String] {
    let resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic)!
    defer { rd_kafka_ConfigResource_destroy(resource) }
    let event = try ask(
      RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, "the question for the configuration of topic \(topic)",
      until: deadline
    ) { client, options, replies in
      var resources: [OpaquePointer?] = [resource]
      rd_kafka_DescribeConfigs(client, &resources, 1, options, replies)
    }
    defer { rd_kafka_event_destroy(event) }
    return try Self.entries(event)
  }

  private static func entries(_ event: OpaquePointer) throws(KafkaError) -> [String: String] {
    var count = 0
    guard let result = rd_kafka_event_DescribeConfigs_result(event),
      let resources = rd_kafka_DescribeConfigs_result_resources(result, &count), count == 1
    else { throw KafkaError(code: "_BAD_MSG", message: "an unexpected answer to DescribeConfigs") }
    let error = rd_kafka_ConfigResource_error(resources[0])
    if error != RD_KAFKA_RESP_ERR_NO_ERROR {
      throw KafkaError(
        error, rd_kafka_ConfigResource_error_string(resources[0]).map { String(cString: $0) })
    }
    var configuration: [String: String] = [:]
    let entries = rd_kafka_ConfigResource_configs(resources[0], &count)
    for index in 0..<count {
      guard let entry = entries?[index], let name = rd_kafka_ConfigEntry_name(entry),
        let value = rd_kafka_ConfigEntry_value(entry)
      else { continue }
      configuration[String(cString: name)] = String(cString: value)
    }
    return configuration
  }
}
