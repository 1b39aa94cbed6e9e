import PostgresClient
import RedisClient
import TestSupport
import Testing
import Threads

@testable import Crowd

/// Reading the facts from real servers.
@Suite struct EvidenceTests {
  private let stack: LocalStack
  private let sources: Sources

  init() throws {
    stack = try LocalStack.shared([.redis, .postgres])
    let database = try stack.freshDatabase()
    sources = Sources(
      redis: RedisEndpoint(socket: stack.redisSocket, database: try stack.freshRedisDatabase()),
      postgres: PostgresSettings(connection: database), activity: 7)
    let migration = projectDirectory + "/Sources/StockSyncWorker/Migrations/0001_tables.sql"
    try Subprocess.run(
      "psql", ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database, "-f", migration])
    try sql(
      """
      INSERT INTO activity (id, name, stock_total, stock_surplus, per_user_limit, opens_at, closes_at, state)
      VALUES (7, 'x', 10, 8, 1, now(), now() + interval '1 hour', 'open'),
             (8, 'y', 10, 10, 1, now(), now() + interval '1 hour', 'open')
      """)
    try sql(
      """
      INSERT INTO claim (activity, slot, seq, state, usr, request, epoch, event_at) VALUES
        (7, 1, 1, 'claimed', 'ann', 'a', 1, now()), (7, 2, 2, 'claimed', 'bob', 'b', 1, now()),
        (7, 3, 9, 'released', 'cid', 'c', 1, now()), (8, 4, 4, 'claimed', 'dee', 'd', 1, now())
      """)
    try redis(
      RedisCommand("HSET", "stock:{7}", "total", "10", "locks", "2", "outbox", "0"),
      RedisCommand("HSET", "stock:{7}:locks", "1", "ann a 1 1", "2", "bob b 2 1"))
  }

  private func sql(_ text: String) throws {
    try PostgresConnection(sources.postgres).execute(text)
  }

  private func redis(_ commands: RedisCommand...) throws {
    let replies = try RedisConnection(sources.redis).pipeline(commands)
    #expect(replies.compactMap(\.error) == [])
  }

  @Test func bothStoresAreReadAsTheyAre() throws {
    let evidence = Evidence(redis: try .read(sources), postgres: try .read(sources))
    let ann = Holder(user: "ann", request: "a", seq: 1, epoch: 1)
    let bob = Holder(user: "bob", request: "b", seq: 2, epoch: 1)
    #expect(evidence.redis.locks == [1: ann, 2: bob])
    #expect(evidence.postgres.claims == [1: ann, 2: bob])
    #expect(evidence.postgres.total == 10 && evidence.postgres.surplus == 8)
    #expect(evidence.postgres.releasedRows == 1 && evidence.postgres.deadLetters == 0)
    #expect(evidence.redis.total == 10 && evidence.redis.lockCount == 2)
    #expect(evidence.isSettled)
  }

  @Test func whatIsOnItsWayIsSeen() throws {
    try redis(
      RedisCommand("HSET", "stock:{7}:locks", "2", "bob b 5 1 r"),
      RedisCommand("XADD", "stock:{7}:outbox", "0-5", "first", "5"))
    try sql(
      "INSERT INTO dead_letter (topic, partition, \"offset\", reason, detail) VALUES ('t', 0, 1, 'x', '')"
    )
    let evidence = Evidence(redis: try .read(sources), postgres: try .read(sources))
    #expect(evidence.redis.releasing == [2: Holder(user: "bob", request: "b", seq: 5, epoch: 1)])
    #expect(evidence.redis.outboxLength == 1 && evidence.postgres.deadLetters == 1)
    #expect(!evidence.isSettled)
    let late = try Evidence.settled(sources, [], until: .after(ms: 200))
    #expect(!late.isSettled)
  }

  @Test func onlyWhatUsersKnowSettlesIt() throws {
    var story = Story(user: "eve", request: "e")
    story.add(.ask, at: 1, 2, .claimed(slot: 5, request: "e", replayed: false))
    let early = try Evidence.settled(sources, [story], until: .after(ms: 100))
    #expect(early.isSettled && early.lag([story]) == 1)
    let sources = sources
    let worker = NamedThread("worker") {
      // Applied once the reader waits; if this fails, the lag stays and the test says so.
      _ = try? RedisConnection(sources.redis).pipeline([
        RedisCommand("HSET", "stock:{7}:locks", "5", "eve e 10 1")
      ])
      _ = try? PostgresConnection(sources.postgres).execute(
        """
        INSERT INTO claim (activity, slot, seq, state, usr, request, epoch, event_at)
        VALUES (7, 5, 10, 'claimed', 'eve', 'e', 1, now())
        """)
      _ = try? PostgresConnection(sources.postgres).execute(
        "UPDATE activity SET stock_surplus = 7 WHERE id = 7")
    }
    let settled = try Evidence.settled(sources, [story], until: .after(ms: 20_000))
    worker.join()
    #expect(settled.isSettled && settled.lag([story]) == 0)
  }

  @Test func anUnknownActivityCannotBeChecked() throws {
    var other = sources
    other.activity = 99
    #expect(throws: (any Error).self) { try PostgresEvidence.read(other) }
    #expect(throws: (any Error).self) {
      try Evidence.settled(other, [], until: .after(ms: 50))
    }
  }
}
