import Protections
import Stock
import StockRecords
import Testing

@testable import StockSyncWorker

@Suite struct RecoveryNeedTests {
  private let id = ActivityID(7)!
  private let server = ServerIdentity(text: "run:repl")
  private let other = ServerIdentity(text: "run:repl2")

  private var postgres: RecoveryNeed.PostgresView {
    RecoveryNeed.PostgresView(epoch: 3, wasAnyOpen: true, activities: [id])
  }

  private func activity(
    _ change: (inout RecoveryNeed.RedisView.Activity) -> Void = { _ in }
  ) -> RecoveryNeed.RedisView {
    var activity = RecoveryNeed.RedisView.Activity(
      isPreparing: false, epoch: 3, fence: server,
      locks: RecoveryNeed.RedisView.Count(stored: 5, counted: 5),
      outbox: RecoveryNeed.RedisView.Count(stored: 1, counted: 1))
    change(&activity)
    return RecoveryNeed.RedisView(
      identity: server, fence: RecoveryNeed.RedisView.Fence(epoch: 3, fence: server),
      activities: [id: .whole(activity)])
  }

  private func need(_ redis: RecoveryNeed.RedisView, after: Int64 = 3) -> RecoveryNeed? {
    RecoveryNeed.find(postgres, redis, epochAfter: after)
  }

  @Test func whatIsWholeNeedsNothing() {
    #expect(need(activity()) == nil)
    #expect(RecoveryNeed.untold(postgres, activity()).isEmpty)
    #expect(RecoveryNeed.untold(postgres, activity { $0.isPreparing = true }) == [id])
  }

  @Test func theServerIsJudged() {
    var redis = activity()
    redis.fence = nil
    #expect(need(redis) == .fenceMissing)
    redis = activity()
    redis.identity = other
    #expect(need(redis) == .otherServer(other, fence: server))
    redis = activity()
    redis.fence?.epoch = 2
    #expect(need(redis) == .epoch(redis: 2, postgres: 3))
    redis.fence?.epoch = 4
    #expect(need(redis) == .epoch(redis: 4, postgres: 3))
  }

  @Test func anOpenActivityIsJudged() {
    var redis = activity()
    redis.activities = [:]
    #expect(need(redis) == .activityMissing(id))
    redis.activities = [id: .missing]
    #expect(need(redis) == .activityMissing(id))
    redis.activities = [id: .incomplete]
    #expect(need(redis) == .activityIncomplete(id))
    #expect(need(activity { $0.fence = other }) == .activityOfOtherServer(id))
    #expect(
      need(activity { $0.epoch = 2 }) == .activityEpoch(id, redis: 2, postgres: 3))
    #expect(
      need(activity { $0.locks.counted = 4 }) == .locksDiffer(id, stored: 5, counted: 4))
    #expect(
      need(activity { $0.outbox.stored = 0 }) == .outboxDiffers(id, stored: 0, counted: 1))
  }

  /// Nothing was ever open: whatever Redis holds, there is nothing that it could have lost, and nothing of it is touched.
  @Test func beforeTheFirstOpeningThereIsNoNeed() {
    var redis = activity()
    redis.fence = nil
    redis.activities = [:]
    let bootstrap = RecoveryNeed.PostgresView(epoch: 1, wasAnyOpen: false, activities: [])
    #expect(RecoveryNeed.find(bootstrap, redis, epochAfter: 1) == nil)
    redis.fence = RecoveryNeed.RedisView.Fence(epoch: 9, fence: other)
    #expect(RecoveryNeed.find(bootstrap, redis, epochAfter: 1) == nil)
  }

  /// Past retention it is not in Postgres' list; what Redis still holds of it does not matter.
  @Test func onlyWhatPostgresListsMatters() {
    var redis = activity { $0.locks.counted = 0 }
    let over = RecoveryNeed.PostgresView(epoch: 3, wasAnyOpen: true, activities: [])
    #expect(RecoveryNeed.find(over, redis, epochAfter: 3) == nil)
    redis.fence = nil
    #expect(RecoveryNeed.find(over, redis, epochAfter: 3) == .fenceMissing)
  }

  /// A recovery that began between the two readings of Postgres' epoch changes Redis: what was read fits nothing.
  @Test func anEpochThatMovedMeanwhileIsNotJudged() {
    var redis = activity()
    redis.fence = nil
    #expect(need(redis, after: 4) == nil)
  }

  /// Else everybody is told 'pending' for ever.
  @Test func theEpochIsPartOfTheTrigger() {
    var redis = activity { $0.epoch = 2 }
    redis.fence?.epoch = 2
    #expect(need(redis) != nil)
    Protections.without([.epochInTrigger]) { #expect(need(redis) == nil) }
  }

  @Test func everyReasonNamesWhatItIsAbout() {
    let count = RecoveryNeed.locksDiffer(id, stored: 5, counted: 4).description
    #expect(count.contains("activity 7") && count.contains("4 locks") && count.contains("5"))
    #expect(RecoveryNeed.epoch(redis: 2, postgres: 3).description.contains("epoch 2"))
  }
}
