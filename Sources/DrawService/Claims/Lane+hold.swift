#if TEST_SWITCHES
  internal import Log
  internal import TestHolds

  extension LanePlan {
    /// Before Redis has the pipeline: `script` with claims in it, `acknowledge` with outbox entries to delete.
    func hold(_ log: Log) {
      for call in calls {
        switch call {
        case .claim: TestHold.reach("script", log)
        case .acknowledge: TestHold.reach("acknowledge", log)
        case .release, .look: break
        }
      }
    }
  }
#endif
