import CRdKafka
public import Threads

// DESIGN
// A consumer of librdkafka's with one partition assigned by hand. It has a group's name, for librdkafka wants
// one, but never subscribes and never commits.
//
// The position is what users prove things with, so it only ever says what was read. It moves with each
// message, and with each 'end of partition', which also covers offsets that hold nothing for us: records
// compacted away, transaction markers. After any error in the partition's place nothing more is taken until
// the partition was assigned anew from the position, so that nothing is skipped.

/// Reads one partition of one topic, for one thread, without being a member of a group.
public final class KafkaReader {
  let client: OpaquePointer
  let queue: OpaquePointer
  let state: ReaderState
  private let topic: String
  private let partition: Int32
  private let bell: KafkaBell?
  var isOpen = true
  var hasClosed = false

  /// Connects in the background; a broker that can't be reached is an event, not an error.
  ///
  /// - Parameters:
  ///   - offset: where to start; nil: wherever the log begins.
  ///   - bell: rung when there is something to `poll`.
  public init(
    _ settings: KafkaSettings, topic: String, partition: Int32 = 0, from offset: Int64? = nil,
    bell: KafkaBell? = nil
  ) throws(KafkaError) {
    precondition(partition >= 0 && offset ?? 0 >= 0)
    let configuration = try Configuration.make(settings, .reader(settings))
    let state = ReaderState(position: offset)
    configuration.withPointer { setClientCallbacks($0, state) }
    client = try configuration.makeClient(RD_KAFKA_CONSUMER)
    self.state = state
    self.topic = topic
    self.partition = partition
    self.bell = bell
    rd_kafka_poll_set_consumer(client)
    rd_kafka_set_log_queue(client, nil)
    queue = rd_kafka_queue_get_consumer(client)
    bell?.attach(to: queue)
    assign()
  }

  deinit {
    if isOpen { _ = destroy(until: .after(ms: destroyLimitMs)) }
  }

  /// The next offset to be read: every record below it was returned by `poll`, or never was one for us.
  ///
  /// nil before anything was read, and again when reading starts again from the beginning.
  public var position: Int64? { state.position }

  /// When to `poll` next although nothing arrives: the partition waits to be assigned again. nil: not so.
  public var retryAt: MonotonicTime? { state.retryAt }

  /// Messages in order of their offsets, at most `limit`.
  ///
  /// Waits for the first one until `deadline`, then takes what is there (K3). Returns early, even empty, when the
  /// position has moved or there are events to take. With fewer than `limit` messages nothing more is there.
  public func poll(limit: Int, until deadline: MonotonicTime) -> [KafkaMessage] {
    precondition(limit > 0)
    guard isOpen else { return [] }
    let start = state.position
    var messages: [KafkaMessage] = []
    while messages.count < limit {
      if state.isRetryDue { assign() }
      let isDone = !messages.isEmpty || state.position != start || state.hasEvents
      let until = isDone ? .now : min(deadline, state.retryAt ?? deadline)
      if let message = rd_kafka_consumer_poll(client, Int32(clamping: until.remainingMs)) {
        if state.take(message) { messages.append(KafkaMessage(message)) }
        rd_kafka_message_destroy(message)
      } else if isDone || deadline <= .now {
        break
      }
    }
    return messages
  }

  /// Forgets the position and reads from the beginning of the log.
  public func startAgain() {
    guard isOpen else { return }
    state.position = nil
    assign()
  }

  /// What was said since the last call, bounded.
  public func takeEvents() -> [KafkaClientEvent] { state.takeClientEvents() }

  /// True when the client was closed and freed in time, `deadlineMs` from now. Past it everything is left as it is, for
  /// the process is about to exit. Called again, it repeats its answer.
  public func close(within deadlineMs: Int = 1_000) -> Bool {
    guard isOpen else { return hasClosed }
    isOpen = false
    let deadline = MonotonicTime.after(ms: deadlineMs)
    // The bell may be gone before a client that is left as it is.
    if bell != nil { KafkaBell.detach(from: queue) }
    if !closeConsumer(client, until: deadline) { return false }
    hasClosed = destroy(until: deadline)
    return hasClosed
  }

  private func destroy(until deadline: MonotonicTime) -> Bool {
    if bell != nil { KafkaBell.detach(from: queue) }
    rd_kafka_queue_destroy(queue)
    return destroyConsumer(client, state, until: deadline)
  }

  /// Fetches from the position on, or from the beginning; what was fetched before is never delivered.
  private func assign() {
    state.retryAt = nil
    let list = rd_kafka_topic_partition_list_new(1)!
    defer { rd_kafka_topic_partition_list_destroy(list) }
    let entry = rd_kafka_topic_partition_list_add(list, topic, partition)!
    entry.pointee.offset = state.position ?? Int64(RD_KAFKA_OFFSET_BEGINNING)
    let error = rd_kafka_assign(client, list)
    if error != RD_KAFKA_RESP_ERR_NO_ERROR { state.stop(KafkaError(error)) }
  }
}

extension PropertyLayers {
  fileprivate static func reader(_ settings: KafkaSettings) -> PropertyLayers {
    var layers = common(settings)
    layers.defaults += [
      ("queued.max.messages.kbytes", "4096"), ("fetch.error.backoff.ms", "50"),
      // A broker that vanished without closing its connection is given up after that long.
      ("socket.timeout.ms", "10000"),
    ]
    layers.fixed += [
      ("group.id", "\(settings.clientId).reader"), ("enable.auto.commit", "false"),
      ("enable.auto.offset.store", "false"), ("auto.offset.reset", "error"),
      ("enable.partition.eof", "true"), ("check.crcs", "true"), ("statistics.interval.ms", "0"),
      // A transaction that somebody left open must not hide what comes after it.
      ("isolation.level", "read_uncommitted"),
      // A fetch is answered when there is something, and at the latest after this.
      ("fetch.min.bytes", "1"), ("fetch.wait.max.ms", "100"),
      // No group, no time limit of its: the most that is allowed.
      ("max.poll.interval.ms", "86400000"),
    ]
    return layers
  }
}
