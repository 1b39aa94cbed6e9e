internal import JSONBytes

/// A record of the control topic, which is compacted.
///
///     {"v":1,"type":"epoch","epoch":7,"time":1767225600000}
///     {"v":1,"type":"heartbeat","instance":"draw-1","time":1767225600000}
///
/// An epoch record is keyed by its epoch, so that the highest can never be dropped; heartbeats share one key, so that
/// little is left of them.
public enum ControlRecord: Hashable, Sendable {
  /// A recovery has begun. `timeMs`: milliseconds since 1970, for people; 0 when the record doesn't say.
  case epoch(Int64, timeMs: Int64)
  /// An instance wants to know how far the topic is.
  case heartbeat(instance: String, timeMs: Int64)

  /// The layout that this code writes.
  public static let version: Int64 = 1

  public var key: [UInt8] {
    switch self {
    case .epoch(let epoch, _): Array("epoch-\(epoch)".utf8)
    case .heartbeat: Array("heartbeat".utf8)
    }
  }

  public func encoded() -> [UInt8] {
    var json = JSONWriter(capacity: 128)
    json.beginObject()
    json.field("v", Self.version)
    switch self {
    case .epoch(let epoch, let timeMs):
      json.field("type", "epoch")
      json.field("epoch", epoch)
      json.field("time", timeMs)
    case .heartbeat(let instance, let timeMs):
      json.field("type", "heartbeat")
      json.field("instance", instance)
      json.field("time", timeMs)
    }
    json.endObject()
    return json.bytes
  }

  /// nil: nothing that this version knows, for readers to ignore.
  ///
  /// An epoch counts as soon as it can be read, whatever the version and the rest: to miss one would let an instance go
  /// on that has to stop.
  public static func decode(_ payload: [UInt8]) -> ControlRecord? {
    guard payload.count <= StockEvent.maximumBytes else { return nil }
    var fields: [String: JSONValue] = [:]
    var isRepeated = false
    do {
      try JSONReader.object(payload) { name, value in
        if fields.updateValue(value, forKey: name) != nil { isRepeated = true }
      }
    } catch {
      return nil
    }
    if isRepeated { return nil }
    let timeMs = if case .integer(let time) = fields["time"] { time } else { Int64(0) }
    switch (fields["type"], fields["epoch"], fields["instance"], fields["v"]) {
    case (.string("epoch"), .integer(let epoch), _, _) where ActivityID.range.contains(epoch):
      return .epoch(epoch, timeMs: timeMs)
    case (.string("heartbeat"), _, .string(let instance), .integer(version)):
      return .heartbeat(instance: instance, timeMs: timeMs)
    default: return nil
    }
  }
}
