internal import JSONBytes

/// An activity: a lottery draw or a flash sale. A whole number from 1 to 2⁵³ − 1, so that JSON's
/// readers and Redis' Lua hold it exactly.
public struct ActivityID: Hashable, Comparable, Sendable, CustomStringConvertible {
  public static let range: ClosedRange<Int64> = 1...(1 << 53) - 1
  public let value: Int64

  /// nil outside of the range.
  public init?(_ value: Int64) {
    guard Self.range.contains(value) else { return nil }
    self.value = value
  }

  /// Digits alone, without sign, space or leading zero; nil for anything else.
  ///
  /// Inlinable, as `Identifier.isValid`: each request is checked with it, and unspecialised it costs ten times more.
  @inlinable public init?(text: some StringProtocol) {
    var value: Int64 = 0
    var digits = 0
    for byte in text.utf8 {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte), digits < 16 else { return nil }
      value = value * 10 + Int64(byte - UInt8(ascii: "0"))
      if value == 0 { return nil }
      digits += 1
    }
    self.init(value)
  }

  public var description: String { String(value) }
  public static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}

/// What users and requests are named with: 1 to 64 of `A–Z a–z 0–9 . _ ~ -`.
///
/// So an id needs no escaping in a URL, a Redis value, a log line or an event.
public enum Identifier {
  public static let maximumLength = 64
  public static let rule = "1 to 64 characters out of A-Z a-z 0-9 . _ ~ -"

  @inlinable public static func isValid(_ text: some StringProtocol) -> Bool {
    var length = 0
    for byte in text.utf8 {
      length += 1
      guard isAllowed(byte), length <= maximumLength else { return false }
    }
    return length > 0
  }

  @inlinable static func isAllowed(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
      UInt8(ascii: "~"), UInt8(ascii: "-"):
      true
    default: false
    }
  }
}

/// Bounds of an activity, the same for API, commands and tables.
public enum StockLimits {
  public static let total: ClosedRange<Int64> = 1...10_000_000
  public static let perUser: ClosedRange<Int64> = 1...100
}

/// The lock key of a slot, `<activity>_<slot>`: the name of the lock and the key of its events.
public func lockKey(_ activity: ActivityID, _ slot: Int64) -> String {
  String(decoding: lockKeyBytes(activity, slot), as: UTF8.self)
}

func lockKeyBytes(_ activity: ActivityID, _ slot: Int64) -> [UInt8] {
  var bytes: [UInt8] = []
  bytes.append(lockKeyOf: slot, activity)
  return bytes
}

extension [UInt8] {
  mutating func append(lockKeyOf slot: Int64, _ activity: ActivityID) {
    append(decimal: UInt64(activity.value))
    append(UInt8(ascii: "_"))
    append(decimal: UInt64(slot))
  }
}

/// The partition of a slot's events, the same for everybody who writes them, so that they keep their order.
///
/// An activity spreads over all partitions, but neighbours keep together, 256 at a time: a script call claims neighbours, and
/// Kafka's work is by the partitions of a request, hardly by the events in it. Spread one by one, a draw costs the broker
/// several times as much.
public func partition(of slot: Int64, _ activity: ActivityID, among count: Int32) -> Int32 {
  Int32((activity.value + slot / 256) % Int64(count))
}

/// What a lock key names; nil when the bytes are none. The slot is spelled like an activity, and within any stock.
public func slot(ofLockKey key: [UInt8]) -> (activity: ActivityID, number: Int64)? {
  let parts = String(decoding: key, as: UTF8.self).split(
    separator: "_", omittingEmptySubsequences: false)
  guard parts.count == 2, let activity = ActivityID(text: parts[0]),
    let slot = ActivityID(text: parts[1])?.value, StockLimits.total.contains(slot)
  else { return nil }
  return (activity, slot)
}
