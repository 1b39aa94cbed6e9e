import CRdKafka
import Glibc

/// All of these are called inside `poll` and `close`, on the consumer's own thread.
func setCallbacks(_ configuration: OpaquePointer, _ state: ConsumerState) {
  setClientCallbacks(configuration, state)
  rd_kafka_conf_set_rebalance_cb(configuration) { client, error, list, opaque in
    rebalance(client!, error, partitions(list), stateOf(opaque))
  }
  rd_kafka_conf_set_offset_commit_cb(configuration) { _, error, list, opaque in
    takeCommitResult(error, list, stateOf(opaque))
  }
}

/// Reads nothing, whatever the group decided: positions come later, from the caller.
///
/// New partitions are answered with an empty list and not with none at all. After `rd_kafka_assign(NULL)` librdkafka
/// waits for an assignment still and skips each rebalance that comes meanwhile, until the group expels it.
private func rebalance(
  _ client: OpaquePointer, _ error: rd_kafka_resp_err_t, _ partitions: [Int32],
  _ state: ConsumerState
) {
  let failure: rd_kafka_resp_err_t
  switch error {
  case RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS:
    state.rebalanced(to: partitions)
    failure = assignNothing(client)
  case RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS:
    state.rebalanced(away: partitions, tooLate: rd_kafka_assignment_lost(client) != 0)
    failure = rd_kafka_assign(client, nil)
  default:
    state.rebalanced(away: partitions, tooLate: true)
    state.append(.error(KafkaError(error)))
    failure = rd_kafka_assign(client, nil)
  }
  if failure != RD_KAFKA_RESP_ERR_NO_ERROR { state.append(.error(KafkaError(failure))) }
  rd_kafka_yield(client)  // the poll that serves this returns at once
}

/// A member with no partitions to read, in good standing.
func assignNothing(_ client: OpaquePointer) -> rd_kafka_resp_err_t {
  let none = rd_kafka_topic_partition_list_new(0)!
  defer { rd_kafka_topic_partition_list_destroy(none) }
  return rd_kafka_assign(client, none)
}

/// A rebalance in the middle makes commits fail; that is said, and harmless.
private func takeCommitResult(
  _ error: rd_kafka_resp_err_t,
  _ list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?, _ state: ConsumerState
) {
  if error != RD_KAFKA_RESP_ERR_NO_ERROR {
    if error != RD_KAFKA_RESP_ERR__NO_OFFSET { state.append(.error(KafkaError(error))) }
    return
  }
  guard let list else { return }
  for index in 0..<Int(list.pointee.cnt) {
    let entry = list.pointee.elems[index]
    if entry.err == RD_KAFKA_RESP_ERR_NO_ERROR { continue }
    let error = KafkaError(entry.err)
    state.append(
      .error(
        KafkaError(
          code: error.code, message: "commit of partition \(entry.partition): \(error.message)",
          isRetriable: error.isRetriable)))
  }
}

private func stateOf(_ opaque: UnsafeMutableRawPointer?) -> ConsumerState {
  Unmanaged<ConsumerState>.fromOpaque(opaque!).takeUnretainedValue()
}

private func partitions(
  _ list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?
) -> [Int32] {
  guard let list else { return [] }
  return (0..<Int(list.pointee.cnt)).map { list.pointee.elems[$0].partition }.sorted()
}
