import CRdKafka

/// The properties of one client, in the order of their strength.
struct PropertyLayers {
  /// What the operator may change.
  var defaults: [(String, String)]
  /// What nobody may change.
  var fixed: [(String, String)]

  /// Of every client.
  static func common(_ settings: KafkaSettings) -> PropertyLayers {
    PropertyLayers(
      defaults: [
        ("socket.nagle.disable", "true"),  // K9
        ("socket.keepalive.enable", "true"),
        // Kafka back after an outage is found within seconds.
        ("reconnect.backoff.ms", "100"), ("reconnect.backoff.max.ms", "2000"),
      ],
      fixed: [
        ("bootstrap.servers", settings.bootstrap), ("client.id", settings.clientId),
        ("allow.auto.create.topics", "false"),
        // Log lines come as events, or librdkafka would write to standard error by itself.
        ("log.queue", "true"),
      ])
  }
}

/// A configuration object of librdkafka, freed unless a client takes it over.
struct Configuration: ~Copyable {
  private let pointer: OpaquePointer

  /// Defaults first, then the operator's properties, then what is fixed, so that nothing gets past the last.
  static func make(
    _ settings: KafkaSettings, _ layers: PropertyLayers
  ) throws(KafkaError) -> Configuration {
    if settings.bootstrap.isEmpty {
      throw KafkaError(code: "_INVALID_ARG", message: "no Kafka bootstrap servers are given")
    }
    try settings.refuseProtectedProperties()
    let configuration = Configuration()
    for (name, value) in layers.defaults { try configuration.set(name, value) }
    for (name, value) in settings.properties.sorted(by: { $0.key < $1.key }) {
      try configuration.set(name, value)
    }
    for (name, value) in layers.fixed { try configuration.set(name, value) }
    return configuration
  }

  private init() { pointer = rd_kafka_conf_new() }

  deinit { rd_kafka_conf_destroy(pointer) }

  /// For the callbacks, which are set on it directly.
  borrowing func withPointer(_ body: (OpaquePointer) -> Void) { body(pointer) }

  /// Makes the client, which owns the configuration from then on.
  consuming func makeClient(_ type: rd_kafka_type_t) throws(KafkaError) -> OpaquePointer {
    let text = CText()
    guard let client = rd_kafka_new(type, pointer, text.bytes, text.capacity) else {
      _ = consume self  // still ours: freed here
      throw KafkaError(code: "_INVALID_ARG", message: text.string)
    }
    discard self
    return client
  }

  /// librdkafka's own text about a wrong value quotes it, and it may be a password: name the property only.
  private borrowing func set(_ name: String, _ value: String) throws(KafkaError) {
    let text = CText()
    switch rd_kafka_conf_set(pointer, name, value, text.bytes, text.capacity) {
    case RD_KAFKA_CONF_OK: return
    case RD_KAFKA_CONF_UNKNOWN:
      throw KafkaError(
        code: "_INVALID_ARG", message: "librdkafka does not know a Kafka property \(name)")
    default:
      throw KafkaError(
        code: "_INVALID_ARG", message: "librdkafka refuses the value of Kafka property \(name)")
    }
  }
}
