@testable import DrawService
@testable import ScriptModel
@testable import StockSyncWorker

/// What the decisions' own values are counted as.
extension World {
  func met(_ reason: FenceReason) {
    switch reason {
    case .nothingKnown: met(.fencedNothingKnown)
    case .otherServer: met(.fencedOtherServer)
    case .oldEpoch: met(.fencedOldEpoch)
    case .locksMiscounted: met(.fencedLocks)
    case .outboxMiscounted: met(.fencedOutbox)
    }
  }

  func metLoss(_ loss: Loss) {
    switch loss {
    case .flush: met(.flush)
    case .olderFile: met(.olderFile)
    case .emptyStart: met(.emptyStart)
    case .plainRestart: met(.plainRestart)
    case .failover: met(.failover)
    case .roundTrip: met(.roundTrip)
    case .stall: met(.stall)
    case .part: met(.part)
    }
  }

  func met(_ need: RecoveryNeed) {
    switch need {
    case .fenceMissing: met(.needFence)
    case .otherServer, .activityOfOtherServer: met(.needServer)
    case .epoch, .activityEpoch: met(.needEpoch)
    case .activityMissing, .activityIncomplete: met(.needActivity)
    case .locksDiffer, .outboxDiffers: met(.needCounts)
    }
  }

  private func met(_ step: RecoveryFlow.Step, from first: Coverage.Point) {
    let place = RecoveryFlow.Step.allCases.firstIndex(of: step)!
    met(Coverage.Point(rawValue: first.rawValue + place)!)
  }

  func met(_ step: RecoveryFlow.Step) { met(step, from: .inLock) }
  func metCrash(_ step: RecoveryFlow.Step) { met(step, from: .crashedInLock) }
  func metStop(_ step: RecoveryFlow.Step) { met(step, from: .stoppedInLock) }

  func metEnding(_ ending: RecoveryFlow.Ending) {
    switch ending {
    case .recovered: met(.recovered)
    case .notNeeded: met(.notNeeded)
    case .elsewhere: met(.elsewhere)
    case .failed: met(.recoveryFailed)
    case .stopped: preconditionFailure("no process of the simulation ends by itself")
    }
  }

  func met(_ answer: ServerAnswer) {
    switch answer.word {
    case "swapped": met(.swapped)
    case "other_server": met(.swapOtherServer)
    case "not_staged": met(.swapNotStaged)
    case "staged_count": met(.swapStagedCount)
    case "epoch": met(.swapEpoch)
    default: break
    }
  }
}
