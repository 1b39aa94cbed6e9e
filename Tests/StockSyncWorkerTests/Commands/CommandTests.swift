import Foundation
import PostgresClient
import TestSupport
import Testing

@testable import StockSyncWorker

/// The operator's commands as processes, on a Redis and a database of their own.
@Suite struct CommandTests {
  private let stack: LocalStack
  private let environment: [String: String]

  init() throws {
    stack = try LocalStack.start([.redis])
    let database = try LocalStack.shared([.postgres]).freshDatabase()
    environment = stack.serviceEnvironment.merging([
      "SLIDING_STOCK_POSTGRES_CONNECTION": database
    ]) { $1 }
  }

  private struct Ended {
    let status: TestSupport.ExitStatus
    let output: String
    let error: String
    var json: [String: Any] {
      (try? JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any]) ?? [:]
    }
  }

  private func run(_ words: String..., more: [String] = [], with: [String: String] = [:]) throws
    -> Ended
  {
    let process = try Subprocess(
      try builtProduct("StockSyncWorker"),
      words.flatMap { $0.split(separator: " ").map(String.init) } + more,
      environment: environment.merging(with) { $1 })
    let status = try process.wait(within: 30)
    return Ended(status: status, output: process.output, error: process.errorOutput)
  }

  private let create = "activity create --id 100001 --stock 50 --limit 2 --closes +1h --json"

  private func redis(_ words: String...) throws -> String {
    try Subprocess.run("redis-cli", ["-s", stack.redisSocket] + words)
      .trimmingCharacters(in: .whitespacesAndNewlines)
  }

  @Test func fromNothingToAnOpenActivityAndAgainChangesNothing() throws {
    let early = try run(create, more: ["--name", "Phones"])
    #expect(early.status == .exited(1))
    #expect(early.error.contains("migrate"))
    #expect(try run("migrate --json").json["applied"] as? [Int] == [1, 2, 3, 4])
    #expect(try run("migrate --json").json["applied"] as? [Int] == [])

    let made = try run(create, more: ["--name", "Phones & more"])
    #expect(made.status == .exited(0), "\(made.error)")
    #expect(made.json["state"] as? String == "open")
    #expect(made.json["redisState"] as? String == "open")
    #expect(made.json["surplus"] as? Int == 50)
    #expect(made.json["redisTotal"] as? String == "50")
    #expect(try redis("HGET", "stock:fence", "epoch") == "1")
    #expect(try redis("SMEMBERS", "stock:activities") == "100001")

    let again = try run(create, more: ["--name", "Phones & more"])
    #expect(again.status == .exited(0), "\(again.error)")
    #expect(again.output == made.output)
    #expect(try run("activity show --id 100001 --json").output == made.output)
    let list = try run("activity list")
    #expect(list.status == .exited(0))
    #expect(list.output.contains("Phones & more"))
  }

  @Test func anotherValueIsRefusedByName() throws {
    _ = try run("migrate")
    #expect(try run(create, more: ["--name", "P"]).status == .exited(0))
    for (change, field) in [
      (["--stock", "51"], "stock"), (["--limit", "1"], "limit"), (["--closes", "+2h"], "closes"),
      (["--name", "Q"], "name"), (["--opens", "2026-01-01T00:00:00Z"], "opens"),
    ] {
      let refused = try run(create, more: ["--name", "P"] + change)
      #expect(refused.status == .exited(1))
      #expect(refused.error.contains("another \(field)"), "\(refused.error)")
    }
    #expect(try run("activity show --id 100001 --json").json["stock"] as? Int == 50)
    #expect(try run("activity show --id 5").status == .exited(1))
  }

  /// Ended between any two of its steps, the same command goes on from there.
  @Test func goesOnWhereItWasInterrupted() throws {
    _ = try run("migrate")
    let noRedis = try run(
      create, more: ["--name", "P"], with: ["SLIDING_STOCK_REDIS_SOCKET": "/nowhere"])
    #expect(noRedis.status == .exited(3))
    let half = try run("activity show --id 100001 --json")
    #expect(half.json["state"] as? String == "preparing")
    #expect(half.json["redisState"] as? String == "absent")
    #expect(try run(create, more: ["--name", "P"]).status == .exited(0))
    // Committed as open, and Redis was not told.
    _ = try redis("HSET", "stock:{100001}", "state", "preparing")
    #expect(try run(create, more: ["--name", "P"]).json["redisState"] as? String == "open")
    // Preheated, and `open` was not committed.
    let connection = try PostgresConnection(
      PostgresSettings(connection: environment["SLIDING_STOCK_POSTGRES_CONNECTION"]!))
    try connection.execute("UPDATE activity SET state = 'preparing'")
    let last = try run(create, more: ["--name", "P"])
    #expect(last.json["state"] as? String == "open", "\(last.error)")
  }

  @Test func aRedisThatLostItsDataIsNeverPreheatedAgain() throws {
    _ = try run("migrate")
    #expect(try run(create, more: ["--name", "P"]).status == .exited(0))
    _ = try redis("FLUSHALL")
    let lost = try run(create, more: ["--name", "P"])
    #expect(lost.status == .exited(1))
    #expect(lost.error.contains("lost"))
    let other = try run(
      create.replacingOccurrences(of: "100001", with: "2"), more: ["--name", "P"])
    #expect(other.status == .exited(1))
    #expect(try redis("DBSIZE") == "0")
    #expect(try run("activity show --id 100001 --json").json["redisState"] as? String == "absent")
  }

  @Test func showSaysWhatItCanWithoutRedis() throws {
    _ = try run("migrate")
    #expect(try run(create, more: ["--name", "P"]).status == .exited(0))
    let half = try run(
      "activity show --id 100001 --json", with: ["SLIDING_STOCK_REDIS_SOCKET": "/nowhere"])
    #expect(half.status == .exited(3))
    #expect(half.json["redisState"] as? String == "unavailable")
    #expect(half.json["surplus"] as? Int == 50)
    let none = try run(
      "activity list",
      with: ["SLIDING_STOCK_POSTGRES_CONNECTION": "host=127.0.0.1 port=\(freePort()) dbname=x"])
    #expect(none.status == .exited(3))
  }

  @Test func noComplaintShowsASecretThatWentAstray() throws {
    for words in [
      ["redis-password=hunter2"], ["activity", "list", "--json", "redis-password=hunter2"],
    ] {
      let ended = try run(more: words)
      #expect(ended.status == .exited(2))
      #expect(ended.error.contains("redis-password=…"))
      #expect(!(ended.error + ended.output).contains("hunter2"))
    }
  }

  @Test func helpIsEverywhereAndWrongUsageIsStatusTwo() throws {
    for words in ["--help", "help", "activity --help", "run --help", "migrate -h"] {
      let help = try run(words)
      #expect(help.status == .exited(0), "\(words)")
      #expect(help.output.contains("Exit status"), "\(words)")
    }
    for command in Command.allCases {
      #expect(try run("--help").output.contains(command.rawValue))
    }
    #expect(try run("activity create --help").output.contains("--closes"))
    for words in [
      "", "activity", "activity destroy", "run --nope", "activity show", "activity create --id 1",
      "migrate --apply-batch 0",
    ] {
      #expect(try run(words).status == .exited(2), "\(words)")
    }
    let secret = try run("run --postgres-password hush")
    #expect(secret.status == .exited(2))
    #expect(!(secret.error + secret.output).contains("hush"))
  }
}
