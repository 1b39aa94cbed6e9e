import RedisClient
import Stock
import Testing
import Threads

@testable import DrawService

@Suite struct FenceStateTests {
  private let start = MonotonicTime.now
  private let other = ActivityID(100_002)!

  @Test func isToldOnceAndOverOnce() {
    var state = FenceState()
    #expect(
      state.take(server: .otherServer, activities: [], at: start)
        == [.began(.server, .otherServer)])
    #expect(state.take(server: .nothingKnown, activities: [], at: start).isEmpty)
    #expect(state.isFenced)
    #expect(
      state.take(server: nil, activities: [], at: start.adding(ms: 1_500))
        == [.over(.server, lastedMs: 1_500)])
    #expect(!state.isFenced)
    #expect(state.take(server: nil, activities: [], at: start).isEmpty)
  }

  @Test func activitiesAreToldOneByOneOnlyWhileTheServerIsTrusted() {
    var state = FenceState()
    let miscounted = [(activity: sampleActivity, reason: FenceReason.locksMiscounted)]
    #expect(
      state.take(server: nil, activities: miscounted, at: start)
        == [.began(.activity(sampleActivity), .locksMiscounted)])
    #expect(
      state.take(
        server: .otherServer, activities: miscounted + [(activity: other, reason: .otherServer)],
        at: start) == [.began(.server, .otherServer)])
    #expect(
      state.take(server: nil, activities: miscounted, at: start)
        == [.over(.server, lastedMs: 0)])
    #expect(
      state.take(server: nil, activities: [], at: start.adding(ms: 10))
        == [.over(.activity(sampleActivity), lastedMs: 10)])
  }
}

@Suite struct SettingsTests {
  private func settings(_ pairs: [String]) -> RedisSettings? {
    RedisSettings(.array(pairs.map { .string(Array($0.utf8)) }))
  }

  @Test func anyPolicyButNoevictionIsUnsafe() {
    #expect(settings(["maxmemory-policy", "allkeys-lru"])?.isUnsafe == true)
    #expect(settings(["maxmemory-policy", "noeviction"])?.isUnsafe == false)
    #expect(settings(["appendonly", "yes"])?.isUnsafe == true)
    #expect(settings([]) == nil)
    #expect(RedisSettings(.error(RedisServerError(code: "NOPERM", message: "no"))) == nil)
  }

  @Test func durabilityThatIsOffIsDoubted() {
    func doubts(_ pairs: [String]) -> [String]? { settings(pairs)?.doubts.map(\.setting) }
    #expect(doubts(["appendonly", "no", "appendfsync", "everysec"]) == ["appendonly"])
    #expect(doubts(["appendonly", "yes", "appendfsync", "no"]) == ["appendfsync"])
    #expect(doubts(["appendonly", "yes", "appendfsync", "everysec"]) == [])
  }

  @Test func topicsAreHeldAgainstWhatThePromisesNeed() {
    func doubts(_ found: [String: String], isCompacted: Bool) -> [String] {
      TopicSettings(minInSyncReplicas: 2, isCompacted: isCompacted).doubts(found).map(\.setting)
    }
    let good = [
      "min.insync.replicas": "2", "unclean.leader.election.enable": "false",
      "cleanup.policy": "delete", "retention.ms": "604800000", "retention.bytes": "-1",
    ]
    #expect(doubts(good, isCompacted: false) == [])
    #expect(doubts(good, isCompacted: true) == ["cleanup.policy"])
    #expect(doubts(good.merging(["retention.ms": "-1"]) { $1 }, isCompacted: false) == [])
    for (name, value) in [
      ("min.insync.replicas", "1"), ("unclean.leader.election.enable", "true"),
      ("cleanup.policy", "compact"), ("retention.ms", "60000"), ("retention.bytes", "1000"),
    ] {
      #expect(doubts(good.merging([name: value]) { $1 }, isCompacted: false) == [name])
    }
  }
}
