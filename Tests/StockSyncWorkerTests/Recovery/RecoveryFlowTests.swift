import Protections
import Stock
import Testing
import Threads

@testable import StockSyncWorker

@Suite struct RecoveryFlowTests {
  private typealias Flow = RecoveryFlow
  private let a = ActivityID(1)!
  private let b = ActivityID(2)!

  /// A flow and a clock that the test turns.
  private struct Play {
    var flow: RecoveryFlow
    var nowMs = 1_000_000
    var action: RecoveryFlow.Action

    init(partitions: [Int32] = [0, 1, 2]) {
      flow = RecoveryFlow(
        timing: RecoveryFlow.Timing(
          leaseMs: 5_000, marginMs: 1_000, extraWaitMs: 2_000, stepLimitMs: 60_000),
        partitions: partitions, now: BootTime(nanoseconds: 1_000_000 * 1_000_000))
      action = flow.next
    }

    func at(_ ms: Int) -> BootTime { BootTime(nanoseconds: Int64(ms) * 1_000_000) }

    @discardableResult
    mutating func hear(_ event: RecoveryFlow.Event, afterMs: Int = 0) -> RecoveryFlow.Action {
      nowMs += afterMs
      action = flow.handle(event, now: at(nowMs))
      return action
    }

    /// Lets pauses pass.
    @discardableResult
    mutating func rest() -> RecoveryFlow.Action {
      while case .pause(let until) = action {
        nowMs = Int((until.nanoseconds + 999_999) / 1_000_000)
        hear(.paused)
      }
      return action
    }

    /// To the first action of a step, everything going well; the epoch is 5.
    mutating func reach(_ step: RecoveryFlow.Step, activities: [ActivityID] = []) {
      let way: [(RecoveryFlow.Step, RecoveryFlow.Event)] = [
        (.lock, .locked(isNeeded: true)), (.epoch, .epochAdvanced(5)),
        (.control, .controlAcknowledged), (.outbox, .outboxPublished), (.wait, .waited),
        (.barriers, .barriersAcknowledged), (.apply, .barriersApplied),
        (.rebuild, .connected(activities)),
      ]
      for (at, event) in way where flow.step == at && flow.step != step {
        hear(event, afterMs: at == .wait ? 8_000 : 10)
      }
      #expect(flow.step == step)
    }
  }

  @Test func fromTheLockToTheFence() {
    var play = Play()
    #expect(play.action == .takeLock)
    #expect(play.hear(.locked(isNeeded: true)) == .advanceEpoch)
    #expect(play.hear(.epochAdvanced(5)) == .writeControl(epoch: 5))
    #expect(play.hear(.controlAcknowledged, afterMs: 700) == .publishOutbox)
    let until = play.at(play.nowMs + 8_000)  // from the acknowledgement on
    #expect(play.hear(.outboxPublished, afterMs: 3_000) == .wait(until: until))
    #expect(play.hear(.waited, afterMs: 4_999) == .wait(until: until))
    #expect(play.hear(.waited, afterMs: 1) == .writeBarriers(epoch: 5, partitions: [0, 1, 2]))
    #expect(play.hear(.barriersAcknowledged) == .awaitBarriers(epoch: 5, partitions: [0, 1, 2]))
    #expect(play.hear(.barriersApplied) == .connect(epoch: 5))
    #expect(play.hear(.connected([a, b])) == .stage(a, epoch: 5))
    #expect(play.hear(.staged) == .swap(a, epoch: 5))
    #expect(play.hear(.swapped) == .stage(b, epoch: 5))
    #expect(play.hear(.staged) == .swap(b, epoch: 5))
    #expect(play.hear(.swapped) == .openFence(epoch: 5, [a, b]))
    #expect(play.hear(.fenceOpened) == .end(.recovered(epoch: 5, activities: [a, b])))
  }

  @Test func endsAtOnceWhereThereIsNothingToDo() {
    var play = Play()
    #expect(play.hear(.lockIsTaken) == .end(.elsewhere))
    play = Play()
    #expect(play.hear(.locked(isNeeded: false)) == .end(.notNeeded))
    play = Play()
    #expect(play.hear(.failed("no Redis")) == .end(.failed(.lock, "no Redis")))
  }

  @Test func withoutActivitiesTheFenceAloneIsOpened() {
    var play = Play()
    play.reach(.fence)
    #expect(play.action == .openFence(epoch: 5, []))
  }

  @Test(arguments: [RecoveryFlow.Step.epoch, .control, .outbox, .barriers, .apply, .rebuild])
  func whatFailedIsTriedAgainInTheSameEpoch(_ step: RecoveryFlow.Step) {
    var play = Play()
    play.reach(step)
    let action = play.action
    for _ in 1...5 {
      guard case .pause = play.hear(.failed("away"), afterMs: 100) else {
        Issue.record("no pause but \(play.action)")
        return
      }
      #expect(play.rest() == action)
    }
    #expect(play.flow.epochsTaken == (step == .epoch ? 0 : 1))
  }

  @Test(arguments: RecoveryFlow.Step.allCases)
  func theProcessEndIsNoFailure(_ step: RecoveryFlow.Step) {
    var play = Play()
    play.reach(step)
    #expect(play.hear(.stopping) == .end(.stopped(step)))
    guard step != .lock else { return }
    play = Play()
    play.reach(step)
    play.hear(.failed("away"))
    #expect(play.hear(.stopping) == .end(.stopped(play.flow.step)))
  }

  @Test func pausesGrowAndAreBounded() {
    var play = Play()
    play.reach(.barriers)
    var pauses: [Int64] = []
    for _ in 1...8 {
      guard case .pause(let until) = play.hear(.failed("away")) else { return }
      pauses.append(until.milliseconds(since: play.at(play.nowMs)))
      #expect(play.hear(.paused) == .pause(until: until))  // too early
      play.rest()
    }
    #expect(pauses == [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000])
  }

  @Test(arguments: [RecoveryFlow.Step.control, .outbox, .barriers, .apply, .rebuild])
  func aStepPastItsLimitBeginsWithANewEpoch(_ step: RecoveryFlow.Step) {
    var play = Play()
    play.reach(step)
    play.hear(.failed("away"), afterMs: 60_000)
    #expect(play.rest() == .advanceEpoch)
    #expect(play.hear(.epochAdvanced(6)) == .writeControl(epoch: 6))
  }

  /// Without any epoch to begin with the lock is not kept for ever.
  @Test func anEpochThatCannotBeTakenEndsTheAttempt() {
    var play = Play()
    play.reach(.epoch)
    #expect(play.hear(.failed("away"), afterMs: 60_000) == .end(.failed(.epoch, "away")))
  }

  /// The second lease wait counts from the second control record.
  @Test func aNewEpochWaitsAnew() {
    var play = Play()
    play.reach(.rebuild, activities: [a])
    play.hear(.connected([a]))
    play.hear(.staged)
    play.hear(.failed("no reply"))
    #expect(play.rest() == .advanceEpoch)
    play.hear(.epochAdvanced(6))
    play.hear(.controlAcknowledged, afterMs: 50)
    let until = play.at(play.nowMs + 8_000)
    #expect(play.hear(.outboxPublished) == .wait(until: until))
  }

  @Test func onceASwapMayHaveBeenSentAFailureTakesANewEpoch() {
    for failsAt in 0..<4 {
      var play = Play()
      play.reach(.rebuild)
      play.hear(.connected([a, b]))
      let way: [Flow.Event] = [.staged, .swapped, .staged, .swapped]
      for event in way[...failsAt] { play.hear(event) }
      play.hear(.failed("lost the connection"))
      #expect(play.rest() == .advanceEpoch, "after \(failsAt + 1) steps")
    }
  }

  @Test func beforeTheFirstSwapAFailureConnectsAgain() {
    var play = Play()
    play.reach(.rebuild)
    play.hear(.connected([a]))
    play.hear(.failed("lost the connection"))
    #expect(play.rest() == .connect(epoch: 5))
    #expect(play.hear(.connected([a, b])) == .stage(a, epoch: 5))
  }

  @Test func theFenceIsNeverSentTwiceInOneEpoch() {
    var play = Play()
    play.reach(.fence)
    play.hear(.failed("no reply"))
    #expect(play.rest() == .advanceEpoch)
  }

  @Test func aRefusedScriptAndALostLockEndTheAttempt() {
    var play = Play()
    play.reach(.rebuild)
    play.hear(.connected([a]))
    play.hear(.staged)
    #expect(play.hear(.refused("epoch 9")) == .end(.failed(.rebuild, "epoch 9")))
    for step in Flow.Step.allCases where step != .lock {
      var play = Play()
      play.reach(step)
      #expect(play.hear(.lockLost("gone")) == .end(.failed(step, "gone")))
    }
  }

  @Test func epochsOfOneAttemptAreBounded() {
    var play = Play()
    for epoch in 1...Flow.epochLimit {
      if epoch > 1 { #expect(play.rest() == .advanceEpoch) }
      if epoch == 1 { play.hear(.locked(isNeeded: true)) }
      play.hear(.epochAdvanced(Int64(epoch)))
      play.hear(.failed("away"), afterMs: 60_000)
    }
    #expect(play.action == .end(.failed(.control, "away")))
  }

  // MARK: Without its protections

  @Test func theWaitsCanBeTakenOut() {
    Protections.without([.wait]) {
      var play = Play()
      play.reach(.wait)
      #expect(play.hear(.waited) == .writeBarriers(epoch: 5, partitions: [0, 1, 2]))
    }
    Protections.without([.waitFromAcknowledgement]) {
      var play = Play()
      play.reach(.control)
      let until = play.at(play.nowMs + 8_000)
      play.hear(.controlAcknowledged, afterMs: 6_000)
      #expect(play.hear(.outboxPublished) == .wait(until: until))
    }
    Protections.without([.waitForPostgres]) {
      var play = Play()
      play.reach(.barriers)
      #expect(play.hear(.barriersAcknowledged) == .connect(epoch: 5))
    }
  }

  @Test func theOthersCanBeTakenOut() {
    Protections.without([.barrierInEveryPartition]) {
      var play = Play()
      play.reach(.barriers)
      #expect(play.action == .writeBarriers(epoch: 5, partitions: [0]))
    }
    Protections.without([.outboxPublishedFirst]) {
      var play = Play()
      play.reach(.control)
      guard case .wait = play.hear(.controlAcknowledged) else {
        Issue.record("no wait but \(play.action)")
        return
      }
    }
    Protections.without([.newEpochAfterSwap]) {
      var play = Play()
      play.reach(.rebuild)
      play.hear(.connected([a]))
      play.hear(.staged)
      play.hear(.failed("no reply"))
      #expect(play.rest() == .connect(epoch: 5))
    }
  }
}
