public import RedisClient
public import Stock

/// An entry of the outbox stream as Redis holds it; the layout is the claim script's contract.
public struct OutboxRecord: Sendable, Equatable {
  public let lastSeq: Int64
  /// Redis time of the call that wrote it.
  public let timeMs: Int64
  /// The epoch that the script read: of all of them.
  public let epoch: Int64
  /// At least one.
  public let events: [StockEvent]

  /// Why an entry cannot be read.
  public struct Unreadable: Error, Equatable {
    public let id: String
    public let reason: String
  }

  /// Reads one element of XRANGE's reply. The events are exactly those that the script wrote: same seq,
  /// same epoch, same time.
  public init(_ reply: RedisReply, of activity: ActivityID) throws(Unreadable) {
    let id = reply.elements?.first?.text ?? "?"
    func unreadable(_ reason: String) -> Unreadable { Unreadable(id: id, reason: reason) }
    guard let parts = reply.elements, parts.count == 2, let values = parts[1].elements,
      values.count.isMultiple(of: 2),
      let last = id.split(separator: "-").first.flatMap({ Int64($0) })
    else { throw unreadable("no stream entry") }
    var fields: [String: String] = [:]
    for place in stride(from: 0, to: values.count, by: 2) {
      fields[values[place].text ?? ""] = values[place + 1].text
    }
    guard let first = fields["f"].flatMap({ Int64($0) }),
      let epoch = fields["e"].flatMap({ Int64($0) }),
      let time = fields["t"].flatMap({ Int64($0) }), let data = fields["d"]
    else { throw unreadable("f, e, t or d is missing") }
    let kind: StockEvent.Kind
    switch fields["k"] {
    case "c": kind = .claimed
    case "r": kind = .released
    default: throw unreadable("k is neither c nor r")
    }
    let lines = data.split(separator: "\n")
    guard ActivityID.range.contains(first), ActivityID.range.contains(last), !lines.isEmpty,
      Int64(lines.count) == last - first + 1
    else {
      throw unreadable("\(lines.count) events for seq \(first) to \(last)")
    }
    var events: [StockEvent] = []
    for (place, line) in lines.enumerated() {
      let words = line.split(separator: " ")
      guard words.count == 3, let slot = Int64(words[0]) else {
        throw unreadable("event \(place + 1) is no 'slot user request'")
      }
      let event = StockEvent(
        kind: kind, activity: activity, slot: slot, seq: first + Int64(place), epoch: epoch,
        user: String(words[1]), request: String(words[2]), timeMs: time)
      guard event.isValid else { throw unreadable("event \(place + 1) is none of ours") }
      events.append(event)
    }
    lastSeq = last
    timeMs = time
    self.epoch = epoch
    self.events = events
  }
}
