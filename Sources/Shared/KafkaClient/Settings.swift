/// How to reach Kafka, the same for producers, consumers and administration.
public struct KafkaSettings: Sendable {
  /// `host:port`, several of them separated by commas.
  public var bootstrap: String
  /// Seen in the brokers' logs and quotas.
  public var clientId: String
  /// Any property of librdkafka 2.0.2 by its own name, TLS and SASL for example.
  ///
  /// Those that a promise hangs on are refused by name when a client is made. SCRAM cannot log in to Kafka 4
  /// with this version (K15); PLAIN over TLS and plain TLS can. Tested against Apache Kafka 4 (K12).
  public var properties: [String: String]

  public init(bootstrap: String, clientId: String, properties: [String: String] = [:]) {
    self.bootstrap = bootstrap
    self.clientId = clientId
    self.properties = properties
  }

  /// Says by name which property may not be set, if there is one; what a service calls when it checks its configuration.
  public func refuseProtectedProperties() throws(KafkaError) {
    for name in properties.keys.sorted() {
      guard let reason = protectionOfProperty(name) else { continue }
      throw KafkaError(
        code: "_INVALID_ARG", message: "Kafka property \(name) cannot be set: \(reason)")
    }
  }
}

/// Why a property is not the operator's to set; nil for the many that are.
func protectionOfProperty(_ name: String) -> String? {
  // librdkafka takes `topic.acks` for `acks`.
  protected[name] ?? (name.hasPrefix("topic.") ? protected[String(name.dropFirst(6))] : nil)
}

private let ours = "the service sets it from a key of its own"
private let durable = "a claim counts only when all in-sync replicas have it"
private let noTransactions = "a slot's events are ordered by seq and deduplicated in Postgres"
private let position = "the position comes from Postgres alone"
private let needed = "the client itself depends on it"

private let protected: [String: String] = [
  // Own keys, with their aliases.
  "bootstrap.servers": ours, "metadata.broker.list": ours, "client.id": ours, "group.id": ours,
  "queue.buffering.max.messages": ours, "message.timeout.ms": ours, "delivery.timeout.ms": ours,
  "linger.ms": ours, "queue.buffering.max.ms": ours, "session.timeout.ms": ours,
  "max.poll.interval.ms": ours,
  // Promise 3: `claimed` is never taken back.
  "acks": durable, "request.required.acks": durable, "delivery.report.only.error": durable,
  "test.mock.num.brokers": durable, "test.mock.broker.rtt": durable,
  // K1: the idempotent producer of 2.0.2 can die for good.
  "enable.idempotence": noTransactions, "transactional.id": noTransactions,
  "enable.gapless.guarantee": noTransactions, "transaction.timeout.ms": noTransactions,
  "partitioner": "a slot keeps to one partition whichever instance publishes it",
  "partitioner_cb": "a slot keeps to one partition whichever instance publishes it",
  // Promise 4: applied once, from the offsets in Postgres.
  "enable.auto.commit": position, "auto.commit.enable": position,
  "auto.commit.interval.ms": position, "enable.auto.offset.store": position,
  "auto.offset.reset": position, "offset.store.method": position, "offset.store.path": position,
  "offset.store.sync.interval.ms": position,
  // K5 and K13.
  "partition.assignment.strategy": "eager rebalances only",
  "group.protocol.type": "eager rebalances only",
  "group.instance.id": "static membership makes a second instance fatal",
  "allow.auto.create.topics": "the number of partitions is fixed for a deployment",
  "topic.blacklist": needed, "enable.partition.eof": needed, "check.crcs": needed,
  "log.queue": needed, "log_level": needed, "statistics.interval.ms": needed,
  "enabled_events": needed, "queue.buffering.max.kbytes": needed,
  "plugin.library.paths": needed,
  "connections.max.idle.ms": "an idle service would look as if Kafka were away",
]
