internal import JSONBytes

/// What the topic of events carries.
public enum TopicRecord: Hashable, Sendable {
  case event(StockEvent)
  case barrier(Barrier)
}

/// The mark that a recovery sets into every partition: what follows it with a lower epoch is void.
///
///     {"v":1,"type":"barrier","epoch":2,"time":1767225600000}
public struct Barrier: Hashable, Sendable {
  static let type = "barrier"

  public let epoch: Int64
  /// Wall clock of the recovery, milliseconds since 1970: for people.
  public let timeMs: Int64

  public init(epoch: Int64, timeMs: Int64) {
    self.epoch = epoch
    self.timeMs = timeMs
  }

  /// For people who read the topic: a barrier is sent to each partition by its number.
  public var key: [UInt8] { Array("barrier-\(epoch)".utf8) }

  public func encoded() -> [UInt8] {
    var json = JSONWriter(capacity: 64)
    json.beginObject()
    json.field("v", StockEvent.version)
    json.field("type", Self.type)
    json.field("epoch", epoch)
    json.field("time", timeMs)
    json.endObject()
    return json.bytes
  }
}
