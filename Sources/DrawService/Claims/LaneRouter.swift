internal import Stock
internal import Threads

/// Which lane an activity belongs to, and the inboxes of all of them.
final class LaneRouter: Sendable {
  let inboxes: [Inbox<LaneWork>]
  /// Requests that may wait for a lane. Acknowledgements have room beyond it.
  private let requestLimit: Int

  /// `inFlight`: acknowledgements that may wait besides.
  init(lanes: Int, requestLimit: Int, inFlight: Int) {
    self.requestLimit = requestLimit
    inboxes = (0..<lanes).map { _ in Inbox(capacity: requestLimit + inFlight) }
  }

  func lane(of activity: ActivityID) -> Int { Int(activity.value % Int64(inboxes.count)) }

  /// Hands requests to a lane; the ones that don't fit come back.
  func submit(_ requests: [DrawRequest], to lane: Int) -> ArraySlice<DrawRequest> {
    let taken = inboxes[lane].offerFitting(requests.map(LaneWork.request), limit: requestLimit)
    return requests[taken...]
  }

  /// False when the lane is behind by more than it has room for, or is closed: the entry stays in the
  /// outbox, and the relay brings it again.
  func acknowledge(_ acknowledgement: Acknowledgement) -> Bool {
    inboxes[lane(of: acknowledgement.activity)].offer(.acknowledge(acknowledgement)) == .accepted
  }

  /// Requests waiting, over all lanes.
  var depth: Int { inboxes.reduce(0) { $0 + $1.count } }

  func close() {
    for inbox in inboxes { inbox.close() }
  }
}
