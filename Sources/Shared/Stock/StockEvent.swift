internal import JSONBytes

/// One claim or release, as it travels in Kafka: the layout is written down here and in
/// `deploy/docs/architecture.md`, and a test holds both together.
///
///     {"v":1,"type":"claimed","activity":100001,"slot":17,"seq":17,"epoch":1,"user":"ann","request":"r-1","time":1767225600000}
///
/// The message's key is the slot's lock key, `100001_17`.
public struct StockEvent: Hashable, Sendable {
  public enum Kind: String, Sendable { case claimed, released }

  /// The layout that this code writes and reads. A higher one in a message means: upgrade this reader first.
  public static let version: Int64 = 1
  /// Longer messages are not events of ours.
  public static let maximumBytes = 1_024

  public let kind: Kind
  public let activity: ActivityID
  /// From 1; whether it is within the activity's stock only the database can tell.
  public let slot: Int64
  /// The activity's event number, growing by one with each claim or release.
  public let seq: Int64
  /// The epoch that the claiming script read; never stamped anew.
  public let epoch: Int64
  public let user: String
  public let request: String
  /// Redis time of the script, milliseconds since 1970.
  public let timeMs: Int64

  public init(
    kind: Kind, activity: ActivityID, slot: Int64, seq: Int64, epoch: Int64, user: String,
    request: String, timeMs: Int64
  ) {
    self.kind = kind
    self.activity = activity
    self.slot = slot
    self.seq = seq
    self.epoch = epoch
    self.user = user
    self.request = request
    self.timeMs = timeMs
  }

  public var key: [UInt8] { lockKeyBytes(activity, slot) }

  /// Where it belongs in a topic of `count` partitions.
  public func partition(among count: Int32) -> Int32 {
    Stock.partition(of: slot, activity, among: count)
  }

  /// Whether a reader takes it; anything else would be a dead letter.
  public var isValid: Bool {
    let range = ActivityID.range
    return range.contains(slot) && range.contains(seq) && range.contains(epoch)
      && range.contains(timeMs) && Identifier.isValid(user) && Identifier.isValid(request)
  }

  public func encoded() -> [UInt8] { EventWriter(self).value }
}

/// Encodes one event after another in the same memory.
public struct EventWriter: Sendable {
  /// Of the last event written.
  public private(set) var key: [UInt8] = []
  private var json = JSONWriter(capacity: 224)

  public init() {}

  fileprivate init(_ event: StockEvent) { write(event) }

  /// Of the last event written.
  public var value: [UInt8] { json.bytes }

  public mutating func write(_ event: StockEvent) {
    key.removeAll(keepingCapacity: true)
    key.append(lockKeyOf: event.slot, event.activity)
    json.startAgain()
    json.beginObject()
    json.field("v", StockEvent.version)
    json.field("type", event.kind.rawValue)
    json.field("activity", event.activity.value)
    json.field("slot", event.slot)
    json.field("seq", event.seq)
    json.field("epoch", event.epoch)
    json.field("user", event.user)
    json.field("request", event.request)
    json.field("time", event.timeMs)
    json.endObject()
  }
}
