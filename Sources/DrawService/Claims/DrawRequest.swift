internal import HTTPServer
internal import Stock
internal import Threads

/// A checked request on its way through a lane.
struct DrawRequest: Sendable {
  enum Operation: Sendable, Equatable {
    /// Without a key the user's held claim answers first, and `request` is a fresh random id.
    case claim(isKeyed: Bool)
    case release
    /// How did this request end?
    case look
    /// The activity itself: window, state, what is left.
    case describe
  }

  let token: ReplyToken
  let activity: ActivityID
  let operation: Operation
  /// Empty for `describe`.
  let user: String
  let request: String
  let arrived: MonotonicTime

  /// The same client's claim, asked for by the id that it is held under: without a key, what the client
  /// is told must name the claim that it has, not the fresh id that this try would have had.
  func asking(for id: String) -> DrawRequest {
    DrawRequest(
      token: token, activity: activity, operation: .claim(isKeyed: true), user: user, request: id,
      arrived: arrived)
  }
}

/// What a client is told.
enum Answer: Sendable, Equatable {
  case claimed(slot: Int64, request: String, isReplay: Bool)
  /// Not decided yet: asking again tells.
  case pending(request: String)
  case released(slot: Int64, request: String)
  case described(ActivityView)
  case refused(Refusal)
}

/// Why not.
enum Refusal: Int, Sendable, CaseIterable {
  case soldOut, limitReached, notOpen, closed, paused, released
  case unknownActivity, unknownRequest
  case keyRequired
  /// Nothing was done.
  case overloaded
  /// The outcome is unknown: ask the same again.
  case unavailable
  /// This Redis may have lost claims: nothing is issued until that is repaired.
  case fenced

  /// The stable `code` of a problem reply, and the name in stats.
  var code: String {
    switch self {
    case .soldOut: "sold_out"
    case .limitReached: "limit_reached"
    case .notOpen: "not_open"
    case .closed: "closed"
    case .paused: "paused"
    case .released: "released"
    case .unknownActivity: "unknown_activity"
    case .unknownRequest: "unknown_request"
    case .keyRequired: "invalid_idempotency_key"
    case .overloaded: "overloaded"
    case .unavailable: "unavailable"
    case .fenced: "fenced"
    }
  }
}
