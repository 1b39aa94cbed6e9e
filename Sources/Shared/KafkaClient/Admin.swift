import CRdKafka
import Threads

/// The topic's care: what an operator's command and a service's start need. Blocking calls with their own clients.
public enum KafkaAdmin {
  public enum TopicState: Sendable, Equatable {
    case created
    case existing
  }

  /// Makes the topic if it isn't there, and waits until each of its partitions has a leader.
  ///
  /// One with another number of partitions is an error that names both numbers (K17). Configuration and replication
  /// of an existing topic are left as they are.
  public static func ensureTopic(
    _ settings: KafkaSettings, name: String, partitions: Int32, replication: Int16,
    configuration: [String: String] = [:], timeoutMs: Int = 30_000
  ) throws(KafkaError) -> TopicState {
    precondition(partitions > 0 && replication > 0 && timeoutMs > 0)
    let deadline = MonotonicTime.after(ms: timeoutMs)
    let client = try AdminClient(settings)
    var state = TopicState.existing
    // K17: a mock cluster cannot create topics and lets the request time out, so look first.
    if try client.topic(name, until: deadline) == nil {
      state = try client.create(
        name, partitions: partitions, replication: replication, configuration: configuration,
        until: deadline)
    }
    // K16: a broker may not know a topic yet that has just been made.
    while true {
      if let found = try client.topic(name, until: deadline), found.partitions > 0 {
        try refuse(found, unlike: partitions, name)
        if found.isReady { return state }
      }
      if deadline <= .now {
        throw KafkaError(
          code: "_TIMED_OUT", message: "topic \(name) has partitions without a leader",
          isRetriable: true)
      }
      pauseBriefly()
    }
  }

  private static func refuse(
    _ found: AdminClient.Topic, unlike partitions: Int32, _ name: String
  ) throws(KafkaError) {
    if found.partitions == partitions { return }
    throw KafkaError(
      code: "INVALID_PARTITIONS",
      message: "topic \(name) has \(found.partitions) partitions, configured are \(partitions); "
        + "the number is fixed for a deployment")
  }

  /// The number of partitions of an existing topic; `UNKNOWN_TOPIC_OR_PART` without one.
  public static func partitionCount(
    _ settings: KafkaSettings, name: String, timeoutMs: Int = 30_000
  ) throws(KafkaError) -> Int32 {
    let client = try AdminClient(settings)
    guard let found = try client.topic(name, until: .after(ms: timeoutMs)) else {
      throw unknown(name)
    }
    return found.partitions
  }

  /// The high watermark of each of the topic's partitions: the offset after the newest record that readers can get.
  ///
  /// `timeoutMs` is for all of them together; without an answer for one there is none at all.
  public static func endOffsets(
    _ settings: KafkaSettings, topic: String, partitions: Int32, timeoutMs: Int = 30_000
  ) throws(KafkaError) -> [Int32: Int64] {
    precondition(partitions > 0 && timeoutMs > 0)
    let deadline = MonotonicTime.after(ms: timeoutMs)
    let client = try AdminClient(settings)
    var offsets: [Int32: Int64] = [:]
    for partition in 0..<partitions {
      offsets[partition] = try endOffset(client, topic, partition, until: deadline)
    }
    return offsets
  }

  private static func endOffset(
    _ client: borrowing AdminClient, _ topic: String, _ partition: Int32,
    until deadline: MonotonicTime
  ) throws(KafkaError) -> Int64 {
    while true {
      do {
        return try client.endOffset(topic, partition, until: deadline)
      } catch {
        // K16: a leader may not know yet, or not any more, that it is one.
        if error.code != "NOT_LEADER_FOR_PARTITION" || deadline <= .now { throw error }
      }
      pauseBriefly()
    }
  }

  /// The topic's properties by Kafka's names (`min.insync.replicas`, `cleanup.policy`), defaults included.
  ///
  /// A cluster that can't answer, as a mock cluster, is an error within about a second: `_UNSUPPORTED_FEATURE`.
  public static func topicConfiguration(
    _ settings: KafkaSettings, name: String, timeoutMs: Int = 10_000
  ) throws(KafkaError) -> [String: String] {
    precondition(timeoutMs > 0)
    let deadline = MonotonicTime.after(ms: timeoutMs)
    let client = try AdminClient(settings)
    if try client.topic(name, until: deadline) == nil { throw unknown(name) }
    guard try client.hasController(until: deadline) else {
      throw KafkaError(
        code: "_UNSUPPORTED_FEATURE",
        message: "there is no controller to ask for the configuration of topic \(name)")
    }
    while true {
      do {
        return try client.configuration(name, until: deadline)
      } catch {
        // K16: a broker may not know a topic yet that has just been made.
        if error.code != "UNKNOWN_TOPIC_OR_PART" || deadline <= .now { throw error }
      }
      pauseBriefly()
    }
  }

  private static func unknown(_ topic: String) -> KafkaError {
    KafkaError(
      code: "UNKNOWN_TOPIC_OR_PART", message: "topic \(topic) does not exist", isRetriable: true)
  }
}
