internal import KafkaClient
internal import Log

extension Log {
  /// Says what a client has to say; `source` tells which of them.
  func write(_ event: KafkaClientEvent, source: String) {
    switch event {
    case .fatal(let error):
      alarm("kafka_fatal", ["client": .string(source), "error": "\(error)"])
    case .error(let error):
      warning("kafka_error", ["client": .string(source), "error": "\(error)"])
    case .log(let level, let facility, let text):
      write(
        LogLevel(syslogLevel: level, facility: facility), "kafka_log",
        [
          "client": .string(source), "syslogLevel": .int(level), "facility": .string(facility),
          "text": .string(text),
        ])
    case .throttled(let broker, let ms):
      warning(
        "kafka_throttled", ["client": .string(source), "broker": .string(broker), "ms": .int(ms)])
    case .dropped(let count):
      warning("kafka_events_dropped", ["client": .string(source), "count": .int(count)])
    }
  }
}

extension LogLevel {
  /// Of a line of a client's own log. What the control topic's link says is rare, and never mere detail.
  init(syslogLevel: Int, facility: String) {
    self = syslogLevel <= 4 || facility == "CONTROL" ? .warning : .debug
  }
}
