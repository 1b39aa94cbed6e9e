import Glibc
import TestSupport
import Testing

@Suite struct LocalStackTests {
  @Test func aKilledRedisComesBackOnItsPortWithItsData() throws {
    let stack = try LocalStack.start([.redis])
    defer { stack.end() }
    let port = stack.redisPort
    func redis(_ words: String...) throws -> String {
      try Subprocess.run("redis-cli", ["-p", "\(port)"] + words)
    }
    #expect(try redis("config", "set", "appendfsync", "always").hasPrefix("OK"))
    #expect(try redis("set", "key", "kept").hasPrefix("OK"))
    try stack.kill(.redis)
    #expect(throws: TestSupportError.self) { try redis("ping") }
    try stack.restart(.redis)
    #expect(stack.redisPort == port)
    #expect(try redis("get", "key") == "kept\n")
  }

  @Test func endLeavesNothing() throws {
    let stack = try LocalStack.start([.redis, .postgres])
    let pids = [stack.pid(.redis), stack.pid(.postgres)]
    for pid in pids { #expect(kill(pid, 0) == 0) }
    stack.end()
    #expect(eventually { pids.allSatisfy(hasEnded) })
    #expect(access(stack.directory, F_OK) == -1)
    #expect(access(stack.redisSocket, F_OK) == -1)
  }

  @Test func sharedDatabasesAreApart() throws {
    let stack = try LocalStack.shared([.postgres])
    let (first, second) = (try stack.freshDatabase(), try stack.freshDatabase())
    func sql(_ url: String, _ text: String) throws -> String {
      try Subprocess.run("psql", ["-X", "-q", "-A", "-t", "-d", url, "-c", text])
    }
    _ = try sql(first, "CREATE TABLE mine (x int)")
    let count = "SELECT count(*) FROM pg_class WHERE relname = 'mine'"
    #expect(try sql(first, count) == "1\n")
    #expect(try sql(second, count) == "0\n")
  }

  @Test func postgresIsStoppedAndStarted() throws {
    let stack = try LocalStack.start([.postgres])
    defer { stack.end() }
    let ping = ["-X", "-A", "-t", "-d", stack.postgresURL, "-c", "SELECT 1"]
    for stop in [stack.stop, stack.kill] {
      #expect(try Subprocess.run("psql", ping) == "1\n")
      try stop(.postgres)
      #expect(throws: TestSupportError.self) { try Subprocess.run("psql", ping) }
      try stack.restart(.postgres)
    }
    #expect(try Subprocess.run("psql", ping) == "1\n")
  }

  @Test func kafkaServesAFreshTopic() throws {
    let stack = try LocalStack.shared([.kafka])
    let topic = try stack.freshTopic(partitions: 3)
    let listing = try Subprocess.run("kcat", ["-L", "-b", stack.kafkaBootstrap])
    #expect(listing.contains("1 brokers"))
    #expect(listing.contains("\"\(topic)\" with 3 partitions") == !stack.isRealKafka)
  }
}

/// Also true of a zombie: who reaps orphans may take its time.
private func hasEnded(_ pid: pid_t) -> Bool {
  guard let stat = readFile("/proc/\(pid)/stat") else { return true }
  return stat.contains(") Z ")
}
