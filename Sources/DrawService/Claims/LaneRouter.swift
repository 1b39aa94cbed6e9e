internal import Stock
internal import Threads

/// Which lane an activity belongs to, and the inboxes of all of them.
final class LaneRouter: Sendable {
  let inboxes: [Inbox<LaneWork>]
  /// Requests that may wait for a lane. Acknowledgements have room beyond it: they are never refused.
  private let requestLimit: Int

  /// `inFlight` bounds the acknowledgements that can be under way at once.
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

  func acknowledge(_ acknowledgement: Acknowledgement) {
    let offer = inboxes[lane(of: acknowledgement.activity)].offer(.acknowledge(acknowledgement))
    precondition(offer != .full, "more acknowledgements than claims in flight")
  }

  /// Requests waiting, over all lanes.
  var depth: Int { inboxes.reduce(0) { $0 + $1.count } }

  func close() {
    for inbox in inboxes { inbox.close() }
  }
}
