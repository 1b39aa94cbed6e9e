import Stock

/// What readers of both topics make of a message, whatever it is.
enum EventFuzzer {
  static func judge(_ input: [UInt8]) -> Bool {
    JSONJudge.judge(input)
    do throws(StockEvent.DecodingFailure) {
      switch try TopicRecord.decode(input) {
      case .event(let event):
        judge(event)
        demand((try? StockEvent.decode(input)) == event, "an event is one for both readers")
      case .barrier(let barrier):
        judge(barrier)
        demand((try? StockEvent.decode(input)) == nil, "a barrier was read as an event")
      }
    } catch {
      judge(error, of: input)
    }
    if let record = ControlRecord.decode(input) { judge(record) }
    return true
  }

  /// An accepted event keeps its limits, and written down it is read as itself.
  static func judge(_ event: StockEvent) {
    let range = ActivityID.range
    for number in [event.activity.value, event.slot, event.seq, event.epoch, event.timeMs] {
      demand(range.contains(number), "\(number) in \(event)")
    }
    for name in [event.user, event.request] {
      demand(
        (1...64).contains(name.utf8.count)
          && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._~-".contains($0)) },
        "name \(name.debugDescription)")
    }
    let bytes = event.encoded()
    demand(bytes.count <= StockEvent.maximumBytes, "\(bytes.count) bytes of \(event)")
    demand((try? TopicRecord.decode(bytes)) == .event(event), "\(event) is not read as itself")
    let named = slot(ofLockKey: event.key)
    if StockLimits.total.contains(event.slot) {
      demand(
        named?.activity == event.activity && named?.number == event.slot,
        "the key of \(event) names \(String(describing: named))")
    } else {
      demand(named == nil, "a key beyond any stock is read")
    }
  }

  private static func judge(_ barrier: Barrier) {
    demand(
      ActivityID.range.contains(barrier.epoch) && ActivityID.range.contains(barrier.timeMs),
      "\(barrier)")
    demand((try? TopicRecord.decode(barrier.encoded())) == .barrier(barrier), "\(barrier)")
  }

  private static func judge(_ record: ControlRecord) {
    if case .epoch(let epoch, _) = record {
      demand(ActivityID.range.contains(epoch), "\(record)")
    }
    let bytes = record.encoded()
    // Escapes may make an instance's name longer than it came.
    if bytes.count <= StockEvent.maximumBytes {
      demand(ControlRecord.decode(bytes) == record, "\(record) is not read as itself")
    }
  }

  /// What goes into a dead letter and the log: it says something, and is no longer than what it is about.
  private static func judge(_ failure: StockEvent.DecodingFailure, of input: [UInt8]) {
    let text = failure.description
    demand(!text.isEmpty && text.utf8.count <= input.count + 120, "failure '\(text)'")
    switch failure {
    case .malformed: break
    case .newerVersion(let version):
      demand(version > StockEvent.version, "version \(version) is newer")
    case .unknownType(let type):
      demand(!["claimed", "released", "barrier"].contains(type), "type \(type) is unknown")
    }
  }
}
