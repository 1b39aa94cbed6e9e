import Glibc
import TestSupport
import Testing

/// The faults are real: each is shown by what Redis has afterwards.
@Suite struct RedisFaultTests {
  private let stack: LocalStack

  init() throws {
    stack = try LocalStack.start([.redis])
    try stack.redis("set", "first", "1")
  }

  @Test func flushLosesEverythingOnTheSameServer() throws {
    defer { stack.end() }
    let identity = try identity()
    try stack.flushRedis()
    #expect(try stack.redis("dbsize") == "0")
    #expect(try self.identity() == identity)
  }

  @Test func aCrashLosesNothingAndIsAnotherServer() throws {
    defer { stack.end() }
    let identity = try identity()
    try stack.crashRedis()
    #expect(try stack.redis("get", "first") == "1")
    #expect(try self.identity() != identity)
  }

  @Test func aPowerLossLosesWhatCameAfterTheMark() throws {
    defer { stack.end() }
    for tornBytes in [0, 7] {
      let mark = try stack.markRedisAOF()
      try stack.redis("set", "second", "2")
      #expect(try stack.powerOffRedis(keeping: mark, tornBytes: tornBytes) > 0)
      #expect(try stack.redis("get", "first") == "1")
      #expect(try stack.redis("exists", "second") == "0")
    }
    let mark = try stack.markRedisAOF()
    try stack.crashRedis()
    try stack.redis("bgrewriteaof")
    #expect(eventually { (try? stack.markRedisAOF()) != nil })
    #expect(throws: TestSupportError.self) { try stack.powerOffRedis(keeping: mark) }
  }

  @Test func anOlderCopyIsWhatItComesBackWith() throws {
    defer { stack.end() }
    let copy = try stack.copyRedisData()
    try stack.redis("set", "second", "2")
    for _ in 1...2 {
      try stack.startRedis(from: copy)
      #expect(try stack.redis("get", "first") == "1")
      #expect(try stack.redis("exists", "second") == "0")
      try stack.redis("set", "second", "2")
    }
  }

  @Test func anEmptyStartHasNothing() throws {
    defer { stack.end() }
    let port = stack.redisPort
    try stack.startRedisEmpty()
    #expect(try stack.redis("dbsize") == "0")
    #expect(stack.redisPort == port)
  }

  @Test func aReplicaIsPromotedWithoutTheLastWritesWhileTheOldPrimaryServes() throws {
    defer { stack.end() }
    let replica = try stack.startRedisReplica()
    try stack.redis("set", "second", "2")
    try replica.awaitInSync()
    replica.holdReplication()
    try stack.redis("set", "third", "3")
    #expect(try replica.redis("get", "second") == "2")
    #expect(try replica.promote() > 0)
    #expect(try replica.redis("exists", "third") == "0")
    #expect(try replica.redis("set", "fourth", "4") == "OK")
    #expect(try stack.redis("get", "third") == "3")
    #expect(try stack.redis("exists", "fourth") == "0")
    #expect(try replica.redis("info", "replication").contains("role:master"))
  }

  @Test func heldReplicationGoesOn() throws {
    defer { stack.end() }
    let replica = try stack.startRedisReplica()
    replica.holdReplication()
    try stack.redis("set", "second", "2")
    #expect(try replica.lagBytes() > 0)
    replica.resumeReplication()
    try replica.awaitInSync()
    #expect(try replica.redis("get", "second") == "2")
  }

  private func identity() throws -> String {
    let server = try stack.redis("info", "server").split(whereSeparator: \.isNewline)
    return String(try #require(server.first { $0.hasPrefix("run_id:") }))
  }
}
