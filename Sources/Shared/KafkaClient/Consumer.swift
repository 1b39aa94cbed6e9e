import CRdKafka
public import Threads

// DESIGN
// One thread does everything: poll, the rebalance callback (inside poll), assign, park, commit, close (K2).
// Only eager rebalances (K5), no static membership (K13). The position of a partition is set by `assign` and
// by nothing else (K4): no seek, no pause, no stored offsets. Given partitions, the callback parks; they are
// read only once the caller has assigned their positions. To park is to assign an empty list: `NULL` is the
// answer to a revocation and to nothing else, see `rebalance`.
//
// Parked, a member keeps its membership as long as it polls. Any poll counts as life for librdkafka, also that
// of a caller that makes no progress (K7): a watchdog for that is the caller's.

/// A member of a consumer group on one topic, for the one thread that makes it.
public final class KafkaConsumer {
  let client: OpaquePointer
  let queue: OpaquePointer
  let topic: String
  let state = ConsumerState()
  /// Wakes `poll` from other threads.
  public let waker: KafkaWaker
  var isOpen = true
  /// Closed in good order.
  var hasLeft = false

  /// Joins the group in the background.
  ///
  /// - Parameters:
  ///   - sessionTimeoutMs: a member that is killed keeps its partitions that long (K19); brokers allow 6 s and more.
  ///   - maxPollIntervalMs: a member that doesn't poll that long loses its partitions; not below the session timeout.
  public init(
    _ settings: KafkaSettings, topic: String, group: String, sessionTimeoutMs: Int,
    maxPollIntervalMs: Int
  ) throws(KafkaError) {
    var layers = PropertyLayers.common(settings)
    layers.defaults += [
      // A partition that finds these full rests for a second, whatever is taken meanwhile: they hold two seconds of the
      // fastest worker's messages, and the worker up to 112 MB with them. Small shares of the partitions, in turns, come
      // near the order in which they were written.
      ("queued.min.messages", "200000"), ("queued.max.messages.kbytes", "32768"),
      ("fetch.message.max.bytes", "131072"),
      // Without a wait the broker answers each handful of messages at once, and answering is what costs it most.
      ("fetch.min.bytes", "65536"), ("fetch.wait.max.ms", "25"),
      ("heartbeat.interval.ms", "\(max(1, min(3_000, sessionTimeoutMs / 3)))"),
    ]
    layers.fixed += [
      ("group.id", group), ("session.timeout.ms", "\(sessionTimeoutMs)"),
      ("max.poll.interval.ms", "\(maxPollIntervalMs)"),
      ("partition.assignment.strategy", "range"), ("enable.auto.commit", "false"),
      ("enable.auto.offset.store", "false"), ("auto.offset.reset", "error"),
      ("enable.partition.eof", "false"), ("check.crcs", "true"), ("statistics.interval.ms", "0"),
    ]
    let configuration = try Configuration.make(settings, layers)
    // Callbacks run inside `poll` and `close` only, so that the state needs no retain of librdkafka's.
    let state = state
    configuration.withPointer { setCallbacks($0, state) }
    client = try configuration.makeClient(RD_KAFKA_CONSUMER)
    self.topic = topic
    rd_kafka_poll_set_consumer(client)
    rd_kafka_set_log_queue(client, nil)
    queue = rd_kafka_queue_get_consumer(client)
    waker = KafkaWaker(queue)
    try subscribe()
  }

  deinit {
    // Without `close` it goes like a killed one: the group notices after the session timeout.
    if isOpen { destroy(until: .after(ms: destroyLimitMs)) }
  }

  /// Messages in order of their offsets per partition, at most `limit`.
  ///
  /// Waits for the first one until `deadline`, then takes what is there (K3). Returns early, even empty, when there
  /// are events to take or the waker was used. The messages returned came before those events.
  public func poll(limit: Int, until deadline: MonotonicTime) -> [KafkaMessage] {
    precondition(limit > 0)
    guard isOpen else { return [] }
    var messages: [KafkaMessage] = []
    while messages.count < limit {
      let waitMs =
        messages.isEmpty && !state.hasUrgentEvents ? Int32(clamping: deadline.remainingMs) : 0
      guard let message = rd_kafka_consumer_poll(client, waitMs) else { break }
      if message.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR {
        if state.advance(message) { messages.append(KafkaMessage(message)) }
      } else {
        state.takeError(message)
      }
      rd_kafka_message_destroy(message)
      if state.hasUrgentEvents || (messages.isEmpty && deadline <= .now) { break }
    }
    return messages
  }

  /// What happened since the last call, in order. Rebalances and stopped partitions are never left out.
  public func takeEvents() -> [ConsumerEvent] { state.takeEvents() }

  /// Reads these partitions from these offsets on, and no others: the only way in which a position is set.
  ///
  /// Partitions that a rebalance has taken away meanwhile are left out and returned. With none left, it parks.
  @discardableResult
  public func assign(_ positions: [Int32: Int64]) -> [Int32] {
    guard isOpen else { return positions.keys.sorted() }
    let ours = positions.filter { state.owned.contains($0.key) }
    setAssignment(ours)
    return positions.keys.filter { !state.owned.contains($0) }.sorted()
  }

  /// Reads nothing, and stays a member as long as it is polled.
  public func park() {
    if isOpen { setAssignment([:]) }
  }

  /// Tells the group how far this member is, asynchronously and for lag monitoring only; errors come as events.
  public func commit(_ offsets: [Int32: Int64]) {
    guard isOpen, !offsets.isEmpty else { return }
    let list = partitionList(topic, offsets)
    defer { rd_kafka_topic_partition_list_destroy(list) }
    report(rd_kafka_commit(client, list, 1))
  }

  private func subscribe() throws(KafkaError) {
    let list = rd_kafka_topic_partition_list_new(1)!
    defer { rd_kafka_topic_partition_list_destroy(list) }
    rd_kafka_topic_partition_list_add(list, topic, RD_KAFKA_PARTITION_UA)
    let error = rd_kafka_subscribe(client, list)
    if error != RD_KAFKA_RESP_ERR_NO_ERROR { throw KafkaError(error) }
  }

  private func setAssignment(_ positions: [Int32: Int64]) {
    state.next = positions
    if positions.isEmpty {
      report(assignNothing(client))
      return
    }
    let list = partitionList(topic, positions)
    defer { rd_kafka_topic_partition_list_destroy(list) }
    report(rd_kafka_assign(client, list))
  }

  private func report(_ error: rd_kafka_resp_err_t) {
    if error == RD_KAFKA_RESP_ERR_NO_ERROR { return }
    state.append(.error(KafkaError(error)))
  }
}

/// Returns a list that the caller destroys. A negative offset would mean something else than a position.
private func partitionList(
  _ topic: String, _ offsets: [Int32: Int64]
) -> UnsafeMutablePointer<rd_kafka_topic_partition_list_t> {
  let list = rd_kafka_topic_partition_list_new(Int32(offsets.count))!
  for (partition, offset) in offsets {
    precondition(partition >= 0 && offset >= 0)
    rd_kafka_topic_partition_list_add(list, topic, partition).pointee.offset = offset
  }
  return list
}
