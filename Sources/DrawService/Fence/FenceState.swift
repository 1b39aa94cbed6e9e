internal import Stock
internal import Threads

/// What this Redis may not be trusted with, as the probes found it, and since when: a value, decided without I/O.
///
/// While the server as a whole is fenced, its activities are not told one by one.
struct FenceState: Sendable {
  enum Scope: Hashable, Sendable {
    case server
    case activity(ActivityID)
  }

  /// What a person should know.
  enum Change: Equatable, Sendable {
    case began(Scope, FenceReason)
    case over(Scope, lastedMs: Int64)
  }

  /// Fences of single activities that are told; more are not.
  static let activityLimit = 1_000

  private var since: [Scope: MonotonicTime] = [:]

  var isFenced: Bool { !since.isEmpty }

  /// Takes what one round of probes found; nil: trusted.
  mutating func take(
    server: FenceReason?, activities: [(activity: ActivityID, reason: FenceReason)],
    at now: MonotonicTime
  ) -> [Change] {
    var found: [(scope: Scope, reason: FenceReason)] = []
    if let server {
      found.append((.server, server))
    } else {
      found = activities.prefix(Self.activityLimit).map { (.activity($0.activity), $0.reason) }
    }
    var changes: [Change] = []
    for (scope, reason) in found where since[scope] == nil {
      since[scope] = now
      changes.append(.began(scope, reason))
    }
    let scopes = Set(found.map(\.scope))
    for (scope, moment) in since where !scopes.contains(scope) {
      // An activity that was fenced alone is told to be over when it can be seen again.
      if server != nil && scope != .server { continue }
      since[scope] = nil
      changes.append(.over(scope, lastedMs: now.microseconds(since: moment) / 1_000))
    }
    return changes
  }
}
