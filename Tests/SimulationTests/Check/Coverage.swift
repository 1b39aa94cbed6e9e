@testable import ScriptModel

/// How often what was reached.
struct Coverage: Sendable {
  enum Point: Int, CaseIterable, Sendable {
    // Kafka
    case produceLost, produceAnswerLost, produceLate, produceTwice, newsTwice, kafkaAway
    case cut, readFromDeposedLeader
    // Redis
    case commandLost, commandLate, executedLate, replyLost
    case flush, olderFile, emptyStart, plainRestart, failover, roundTrip, stall, part
    // Postgres
    case transactionFailed, commitUnknown, positionLost, voidEvent, refusedEvent
    // Processes
    case drawCrashed, drawStopped
    case crashedInLock, crashedInEpoch, crashedInControl, crashedInOutbox, crashedInWait
    case crashedInBarriers, crashedInApply, crashedInRebuild, crashedInFence
    case stoppedInLock, stoppedInEpoch, stoppedInControl, stoppedInOutbox, stoppedInWait
    case stoppedInBarriers, stoppedInApply, stoppedInRebuild, stoppedInFence
    // What DrawService decided
    case acknowledgedWithoutLease, releaseLeftToRelay, relayed
    case fencedNothingKnown, fencedOtherServer, fencedOldEpoch, fencedLocks, fencedOutbox
    case toldPending, toldClaimed, toldClaimedAgain, toldReleased
    case toldSoldOut, toldLimitReached, toldGone, toldUnknownRequest
    case toldOverloaded, toldUnavailable, toldFenced
    // What recovery decided
    case needFence, needServer, needEpoch, needActivity, needCounts
    case inLock, inEpoch, inControl, inOutbox, inWait, inBarriers, inApply, inRebuild, inFence
    case outboxPublished, lockLost, recovered, notNeeded, elsewhere, recoveryFailed
    case swapped, swapOtherServer, swapNotStaged, swapStagedCount, swapEpoch

    /// A short run need not reach it: keys of a rebuild that go one by one are only met by an eviction.
    var isRare: Bool { self == .swapStagedCount }
  }

  /// Of the scripts' model.
  private(set) var branches: [Branch: Int] = [:]
  private(set) var counts = [Int](repeating: 0, count: Point.allCases.count)

  mutating func add(_ point: Point, _ count: Int = 1) { counts[point.rawValue] += count }

  mutating func add(_ branch: Branch, _ count: Int) {
    branches[branch, default: 0] += count
  }

  mutating func merge(_ other: Coverage) {
    for place in counts.indices { counts[place] += other.counts[place] }
    branches.merge(other.branches) { $0 + $1 }
  }

  subscript(point: Point) -> Int { counts[point.rawValue] }
}
