import Stock

extension Difference {
  /// What recovery needs, as a difference.
  init(_ need: RecoveryNeed) {
    let (kind, activity): (Kind, ActivityID?) =
      switch need {
      case .fenceMissing, .otherServer, .epoch: (.fence, nil)
      case .activityOfOtherServer(let id), .activityEpoch(let id, _, _): (.fence, id)
      case .activityMissing(let id), .activityIncomplete(let id): (.activityMissingInRedis, id)
      case .locksDiffer(let id, _, _): (.locksCount, id)
      case .outboxDiffers(let id, _, _): (.outboxCount, id)
      }
    self.init(
      kind: kind, activity: activity?.value ?? 0, side: .redis, detail: need.description)
  }
}
