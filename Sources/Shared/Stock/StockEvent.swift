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

  public var key: [UInt8] { Array(lockKey(activity, slot).utf8) }

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

  public func encoded() -> [UInt8] {
    var json = JSONWriter(capacity: 224)
    json.beginObject()
    json.field("v", Self.version)
    json.field("type", kind.rawValue)
    json.field("activity", activity.value)
    json.field("slot", slot)
    json.field("seq", seq)
    json.field("epoch", epoch)
    json.field("user", user)
    json.field("request", request)
    json.field("time", timeMs)
    json.endObject()
    return json.bytes
  }
}
