#if TEST_SWITCHES
  extension RecoveryFlow.Action {
    /// What a test names it by; nil for what cannot be held.
    var holdName: String? {
      switch self {
      case .takeLock: "lock"
      case .advanceEpoch: "epoch"
      case .writeControl: "control"
      case .publishOutbox: "outbox"
      case .wait: "wait"
      case .writeBarriers: "barriers"
      case .awaitBarriers: "apply"
      case .connect: "rebuild"
      case .swap: "swap"
      case .openFence: "fence"
      case .stage, .pause, .end: nil
      }
    }
  }
#endif
