import KafkaClient

/// What has come for the caller, bounded.
struct HeldEvents {
  /// Answers come on top: as many as tickets are out, for none can be sent while the link waits for itself.
  private static let clientEventLimit = 256
  private var read: ControlEvent?
  private var others: [ControlEvent] = []
  private var clientEvents = 0

  var isEmpty: Bool { read == nil && others.isEmpty }

  mutating func add(_ events: [ControlEvent]) {
    for event in events {
      switch event {
      case .read(let position, let epoch): merge(position, epoch)
      case .client:
        clientEvents += 1
        if clientEvents <= Self.clientEventLimit { others.append(event) }
      case .acknowledged, .failed: others.append(event)
      }
    }
  }

  mutating func take() -> [ControlEvent] {
    defer { self = HeldEvents() }
    var events = (read.map { [$0] } ?? []) + others
    let dropped = clientEvents - Self.clientEventLimit
    if dropped > 0 { events.append(.client(.dropped(count: dropped))) }
    return events
  }

  /// The later position, and the highest epoch of both.
  private mutating func merge(_ position: Int64, _ epoch: Int64?) {
    var highest = epoch
    if case .read(_, let earlier?) = read { highest = max(earlier, epoch ?? earlier) }
    read = .read(position: position, highestEpoch: highest)
  }
}
