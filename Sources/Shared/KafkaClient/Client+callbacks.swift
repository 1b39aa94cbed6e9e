import CRdKafka

/// What the callbacks of one consuming client leave for its owner; all of them run on the owner's thread.
class ClientState {
  private var clientEvents = EventBuffer()

  final var hasEvents: Bool { !clientEvents.isEmpty }
  final func append(_ event: KafkaClientEvent) { clientEvents.append(event) }
  final func takeClientEvents() -> [KafkaClientEvent] { clientEvents.take() }
}

/// Called inside polls only, so that the state needs no retain of librdkafka's: its owner outlives the client's handle.
func setClientCallbacks(_ configuration: OpaquePointer, _ state: ClientState) {
  rd_kafka_conf_set_opaque(configuration, Unmanaged.passUnretained(state).toOpaque())
  rd_kafka_conf_set_error_cb(configuration) { client, error, text, opaque in
    let state = clientState(opaque)
    if let fatal = KafkaError(fatalErrorOf: client!) {
      state.append(.fatal(fatal))
    } else {
      let message = text.map { String(cString: $0) }
      state.append(.error(KafkaError(rd_kafka_resp_err_t(error), message)))
    }
  }
  rd_kafka_conf_set_log_cb(configuration) { client, level, facility, text in
    // Lines of a client that is still being made come before it has its state.
    guard let client, let opaque = rd_kafka_opaque(client) else { return }
    clientState(opaque).append(
      .log(
        level: Int(level), facility: facility.map { String(cString: $0) } ?? "",
        text: text.map { String(cString: $0) } ?? ""))
  }
  rd_kafka_conf_set_throttle_cb(configuration) { _, broker, _, ms, opaque in
    clientState(opaque).append(
      .throttled(broker: broker.map { String(cString: $0) } ?? "?", ms: Int(ms)))
  }
}

private func clientState(_ opaque: UnsafeMutableRawPointer?) -> ClientState {
  Unmanaged<ClientState>.fromOpaque(opaque!).takeUnretainedValue()
}
