import RedisClient
import TestSupport
import Testing

/// What the random trial does not reach: large batches, long slides, refusals in the middle of a script.
@Suite(.serialized) struct ScriptEdgeTests {
  /// A claim is four values of the reply: code, slot, seq, request.
  private static let header = 6

  @Test func aThousandClaimsInOneCallAndNotOneMore() throws {
    let stock = try PlainStock(ScriptDatabase.emptied(for: "edges"), total: 5_000)
    let users = (0..<1_000).map { "user-\($0)" }
    let reply = try stock.claim(users)
    #expect(reply.count == Self.header + 4 * 1_000)
    let slots = (0..<1_000).compactMap { reply[Self.header + 4 * $0 + 1].int }
    #expect(slots == Array(1...1_000))
    #expect(reply[3].int == 1 && reply[4].int == 1_000 && reply[5].int == 1)

    let before = try stock.state()
    let refused = try stock.call("claim", stock.claimArguments((0..<1_001).map { "other-\($0)" }))
    #expect(refused.error?.message.contains("at most 1000") == true)
    let uneven = try stock.call("claim", stock.claimArguments(["x"]) + ["y"])
    #expect(uneven.error != nil)
    #expect(try stock.state() == before)

    // A thousand repeats, a thousand releases and their acknowledgement at once.
    let again = try stock.claim(users)
    #expect((0..<1_000).allSatisfy { again[Self.header + 4 * $0].int == 3 })
    _ = try stock.call("acknowledge", [stock.activity, "1", "1000", "1"])
    let pairs = users.flatMap { [$0, "r"] }
    let released = try stock.reply("release", [stock.activity, stock.far, "1", "100"] + pairs)
    #expect(released[4].int == 2_000)
    _ = try stock.call("acknowledge", [stock.activity, "1", "2000", "1"])
    let after = try stock.state()
    #expect(after.locks.isEmpty && after.outbox.isEmpty && after.free.count == 1_000)
    #expect(after.stock["locks"] == "0" && after.stock["outbox"] == "0")
  }

  @Test func aLongSlideGoesOnInTheNextCall() throws {
    let stack = try LocalStack.start([.redis])  // its own, for commands are counted
    defer { stack.end() }
    let stock = try PlainStock(RedisEndpoint(socket: stack.redisSocket), total: 20_000)
    for start in stride(from: 0, to: 12_000, by: 1_000) {
      _ = try stock.claim((start..<start + 1_000).map { "user-\($0)" })
    }
    try stock.send(RedisCommand("HSET", stock.keys[2], "used", "0"))
    let commands = try stock.countReads { _ = try stock.claim(["late"]) }
    #expect(commands < 60, "one call looks at 10,000 numbers in chunks")
    #expect(try stock.state().stock["used"] == "10000")
    let reply = try stock.claim(["late"])
    #expect(reply[Self.header].int == 1 && reply[Self.header + 1].int == 12_001)
  }

  @Test func nothingIsHeldWithoutItsOutboxEntry() throws {
    let stock = try PlainStock(ScriptDatabase.emptied(for: "edges"), total: 10)
    _ = try stock.claim(["a"])
    // An outbox that is ahead of the counter refuses the entry.
    try stock.send(RedisCommand("XADD", stock.keys[6], "50-0", "x", "y"))
    try stock.send(RedisCommand("XDEL", stock.keys[6], "50-0"))
    let before = try stock.state()
    #expect(try stock.call("claim", stock.claimArguments(["b"])).error != nil)
    #expect(try stock.state() == before)
  }

  /// Users with as many claims as an activity may allow: more locks in one call than one command reads.
  @Test func manyClaimsOfAUserAreReadWithFewCommands() throws {
    let stack = try LocalStack.start([.redis])
    defer { stack.end() }
    let stock = try PlainStock(RedisEndpoint(socket: stack.redisSocket), total: 2_000, limit: 100)
    func claims(_ user: String, _ numbers: Range<Int>) throws -> [Int64?] {
      let items = numbers.flatMap { [user, "r\($0)", "k"] }
      let reply = try stock.reply(
        "claim", [stock.activity, stock.far, "1", "10000", "1000"] + items)
      return numbers.indices.map { reply[Self.header + 4 * ($0 - numbers.lowerBound)].int }
    }
    #expect(try claims("a", 0..<99) == Array(repeating: 1, count: 99))
    var again: [Int64?] = []
    let commands = try stock.countReads { again = try claims("a", 0..<99) }
    #expect(again == Array(repeating: 3, count: 99))
    #expect(commands < 10)
    #expect(try claims("a", 99..<101) == [1, 7])
    #expect(try stock.state().users["a"] == (1...100).map(String.init).joined(separator: ","))

    let users = (0..<11).map { "user-\($0)" }
    for user in users { _ = try claims(user, 0..<100) }
    for claim in [0, 55, 99] {
      let reply = try stock.reply(
        "look", [stock.activity, "1"] + users.flatMap { [$0, "r\(claim)"] })
      for place in users.indices {
        let slot = reply[Self.header + 6 + 3 * place + 1].int
        #expect(slot == Int64(100 + 100 * place + claim + 1), "\(users[place])'s \(claim)")
      }
    }
  }

  /// As versions before this one wrote it, or a script's writer by hand.
  @Test func aHeldClaimThatIsSpelledOutIsReadAlike() throws {
    let stock = try PlainStock(ScriptDatabase.emptied(for: "edges"), total: 10)
    _ = try stock.claim(["a"])
    _ = try stock.call("acknowledge", [stock.activity, "1", "1", "1"])
    try stock.send(RedisCommand("HSET", stock.keys[4], "a", "r:1:1"))
    #expect(try stock.claim(["a"])[Self.header].int == 2)
    #expect(try stock.reply("look", [stock.activity, "1", "a", "r"])[12].int == 1)
    _ = try stock.reply("release", [stock.activity, stock.far, "1", "100", "a", "r"])
    _ = try stock.reply("acknowledge", [stock.activity, "1", "2", "1"])
    #expect(try stock.state().users["a"] == "r:1:1:r")
  }

  /// A release whose claim nobody has spelled out still ends.
  @Test func aReleaseFreesItsUserWhateverTheRecord() throws {
    let stock = try PlainStock(ScriptDatabase.emptied(for: "edges"), total: 10)
    _ = try stock.claim(["a"])
    _ = try stock.call("acknowledge", [stock.activity, "1", "1", "1"])
    _ = try stock.reply("release", [stock.activity, stock.far, "1", "100", "a", "r"])
    try stock.send(RedisCommand("HSET", stock.keys[4], "a", "1"))
    _ = try stock.reply("acknowledge", [stock.activity, "1", "2", "1"])
    #expect(try stock.state().users["a"] == "r:1:2:r")
    #expect(try stock.claim(["a"])[Self.header].int == 4)
  }

  /// A record that somebody has tampered with: no lock of others is told or given back by it, and nothing is claimed,
  /// for it may be any request's.
  @Test(arguments: [1, 2]) func aRecordOfAnothersSlotTellsNothing(limit: Int) throws {
    let stock = try PlainStock(ScriptDatabase.emptied(for: "edges"), total: 10, limit: limit)
    _ = try stock.claim(["a"])
    _ = try stock.call("acknowledge", [stock.activity, "1", "1", "1"])
    try stock.send(RedisCommand("HSET", stock.keys[4], "b", "1"))
    let before = try stock.state()
    for mode in limit == 1 ? ["k", "a"] : ["k"] {
      let arguments = [stock.activity, stock.far, "1", "10000", "1000", "b", "r", mode]
      #expect(try stock.reply("claim", arguments)[Self.header].int == 7)
    }
    let released = try stock.reply("release", [stock.activity, stock.far, "1", "100", "b", "r"])
    #expect(released[Self.header].int == 5)
    #expect(try stock.reply("look", [stock.activity, "1", "b", "r"])[12].int == 5)
    #expect(try stock.state() == before)
  }

  @Test func aFullMemoryIsRefusedWholeAndCanBeDrained() throws {
    let stack = try LocalStack.start([.redis])
    defer { stack.end() }
    let stock = try PlainStock(RedisEndpoint(socket: stack.redisSocket), total: 10)
    _ = try stock.claim(["a"])
    _ = try stock.call("acknowledge", [stock.activity, "1", "1", "1"])
    _ = try stock.reply("release", [stock.activity, stock.far, "1", "100", "a", "r"])
    let before = try stock.state()
    try stock.send(RedisCommand("CONFIG", "SET", "maxmemory", "1"))
    #expect(try stock.call("claim", stock.claimArguments(["b"])).error?.code == "OOM")
    #expect(try stock.state() == before)
    _ = try stock.reply("acknowledge", [stock.activity, "1", "2", "1"])
    let after = try stock.state()
    #expect(after.locks.isEmpty && after.outbox.isEmpty && after.free == ["1"])
    #expect(after.users["a"] == "r:1:1:r")
    try stock.send(RedisCommand("CONFIG", "SET", "maxmemory", "0"))
  }
}

/// An open activity of its own in a real Redis.
struct PlainStock {
  let activity = "7"
  let far = "1125899906842624"
  let keys =
    ["stock:fence", "stock:activities", "stock:{7}"]
    + ["locks", "users", "free", "outbox"].map { "stock:{7}:\($0)" }
  private let connection: RedisConnection

  init(_ endpoint: RedisEndpoint, total: Int, limit: Int = 1) throws {
    connection = try RedisConnection(endpoint)
    let created = try call(
      ScriptSources.preheat("preheat"),
      [activity, "\(total)", "\(limit)", "0", far, "1", "1"])
    let opened = try call(ScriptSources.preheat("open"), [activity, "1"])
    #expect(created.elements?[0].text == "created" && opened.elements?[0].text == "opened")
  }

  func claimArguments(_ users: [String]) -> [String] {
    [activity, far, "1", "10000", "1000"] + users.flatMap { [$0, "r", "k"] }
  }

  func claim(_ users: [String]) throws -> [RedisReply] {
    try reply("claim", claimArguments(users))
  }

  /// The reply of a call that must not be refused.
  func reply(_ script: String, _ arguments: [String]) throws -> [RedisReply] {
    let reply = try call(script, arguments)
    let elements = try #require(reply.elements, "\(reply)")
    try #require(elements[0].int == 0)
    return elements
  }

  func call(_ script: String, _ arguments: [String]) throws -> RedisReply {
    try call(ScriptSources.script(script), arguments)
  }

  func call(_ script: RedisScript, _ arguments: [String]) throws -> RedisReply {
    try connection.pipeline([.script(script, keys: keys, arguments: arguments)])[0]
  }

  func send(_ command: RedisCommand) throws {
    let reply = try connection.pipeline([command])[0]
    #expect(reply.error == nil)
  }

  func state() throws -> StockState {
    StockState(replies: try connection.pipeline(StockState.commands(keys, activity)))
  }

  /// How many HGETs and HMGETs the server ran meanwhile, from scripts too, whoever's.
  func countReads(_ body: () throws -> Void) throws -> Int {
    let before = try reads()
    try body()
    return try reads() - before
  }

  private func reads() throws -> Int {
    let text = try connection.pipeline([RedisCommand("INFO", "commandstats")])[0].text ?? ""
    return text.split(separator: "\r\n").reduce(0) { sum, line in
      let parts = line.split(separator: "=")
      guard ["cmdstat_hmget:calls", "cmdstat_hget:calls"].contains(parts[0]) else { return sum }
      return sum + Int(parts[1].prefix { $0 != "," })!
    }
  }
}
