/// The names of an activity's keys in Redis. All of them carry one hash tag, so that activities can be
/// spread over servers later.
public struct RedisKeys: Sendable {
  /// Hash: epoch and fence of this server. Without it nothing is known.
  public static let fence = "stock:fence"
  /// Set: the activities that this server holds.
  public static let activities = "stock:activities"

  /// Hash: total, used, seq, opens, closes, limit, state, epoch, fence, locks, outbox.
  public let stock: String
  /// Hash: slot → holder.
  public let locks: String
  /// Hash: user → their claims.
  public let users: String
  /// List: slots given back.
  public let free: String
  /// Stream: events that Kafka has not acknowledged.
  public let outbox: String

  public init(_ activity: ActivityID) {
    stock = "stock:{\(activity)}"
    locks = "\(stock):locks"
    users = "\(stock):users"
    free = "\(stock):free"
    outbox = "\(stock):outbox"
  }

  /// In the order in which every script takes them.
  public var all: [String] { [Self.fence, Self.activities, stock, locks, users, free, outbox] }
}
