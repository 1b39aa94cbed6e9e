import CRdKafka

/// What the cluster can be told to do: a line of words, `deploy/local/stack --help` lists them.
enum Command {
  /// The next requests of a kind to a broker are answered with an error that late; with no error, only late: they
  /// have had their effect by then.
  case errors(broker: Int32, api: Int16, rd_kafka_resp_err_t, count: Int, delayMs: Int32)
  /// How many of those the broker still has to give.
  case left(broker: Int32, api: Int16)
  /// Each reply of the broker takes that long from now on.
  case roundTrip(broker: Int32, ms: Int32)
  /// Closes its connections, and new ones as they come.
  case down(broker: Int32)
  case up(broker: Int32)
  case leader(topic: String, partition: Int32, broker: Int32)
  case follower(topic: String, partition: Int32, broker: Int32)
  case coordinator(group: String, broker: Int32)

  static let errorLimit = 10_000
  /// An hour.
  static let msLimit = 3_600_000

  init(_ words: [String]) throws(Problem) {
    let name = words.first ?? ""
    let rest = Array(words.dropFirst())
    switch (name, rest.count) {
    case ("errors", 4...5):
      self = .errors(
        broker: try Self.broker(rest[0]), api: try Self.api(rest[1]), try Self.error(rest[2]),
        count: try Self.number(rest[3], 1...Self.errorLimit),
        delayMs: Int32(rest.count == 5 ? try Self.number(rest[4], 0...Self.msLimit) : 0))
    case ("left", 2):
      self = .left(broker: try Self.broker(rest[0]), api: try Self.api(rest[1]))
    case ("rtt", 2):
      self = .roundTrip(
        broker: try Self.broker(rest[0]), ms: Int32(try Self.number(rest[1], 0...Self.msLimit)))
    case ("down", 1): self = .down(broker: try Self.broker(rest[0]))
    case ("up", 1): self = .up(broker: try Self.broker(rest[0]))
    case ("leader", 3), ("follower", 3):
      let partition = Int32(try Self.number(rest[1], 0...9_999))
      let broker = try Self.broker(rest[2])
      self =
        name == "leader"
        ? .leader(topic: rest[0], partition: partition, broker: broker)
        : .follower(topic: rest[0], partition: partition, broker: broker)
    case ("coordinator", 2):
      self = .coordinator(group: rest[0], broker: try Self.broker(rest[1]))
    default: throw Problem(description: "no such command: \(words.joined(separator: " "))")
    }
  }

  private static func broker(_ word: String) throws(Problem) -> Int32 {
    Int32(try number(word, 1...Int(MockCluster.brokerLimit)))
  }

  private static func number(_ word: String, _ range: ClosedRange<Int>) throws(Problem) -> Int {
    guard let number = Int(word), range.contains(number) else {
      throw Problem(description: "not a number in \(range): \(word)")
    }
    return number
  }

  /// Keys of the protocol's requests.
  private static let apis: [String: Int16] = [
    "produce": 0, "fetch": 1, "list_offsets": 2, "metadata": 3, "offset_commit": 8,
    "offset_fetch": 9, "find_coordinator": 10, "join_group": 11, "heartbeat": 12,
    "leave_group": 13, "sync_group": 14, "init_producer_id": 22,
  ]

  private static func api(_ word: String) throws(Problem) -> Int16 {
    guard let key = apis[word] else {
      let names = apis.keys.sorted().joined(separator: ", ")
      throw Problem(description: "no request that can be failed: \(word); there are \(names)")
    }
    return key
  }

  /// By librdkafka's name for it, as `NOT_LEADER_FOR_PARTITION`, or `_TRANSPORT`, which hangs up.
  private static func error(_ word: String) throws(Problem) -> rd_kafka_resp_err_t {
    var first: UnsafePointer<rd_kafka_err_desc>?
    var count = 0
    rd_kafka_get_err_descs(&first, &count)
    for description in UnsafeBufferPointer(start: first, count: count) {
      if let name = description.name, String(cString: name) == word { return description.code }
    }
    throw Problem(description: "no error of librdkafka's: \(word)")
  }
}
