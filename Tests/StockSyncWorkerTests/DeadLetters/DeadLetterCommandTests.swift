import Foundation
import PostgresClient
import Stock
import TestSupport
import Testing

@testable import StockSyncWorker

/// `dead-letters …` and `reconcile` as processes.
@Suite struct DeadLetterCommandTests {
  private struct Ended {
    let status: TestSupport.ExitStatus
    let output: String
    let error: String
    var json: [String: Any] { objects.first ?? [:] }
    var objects: [[String: Any]] {
      output.split(separator: "\n").compactMap {
        try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
      }
    }
  }

  private let scene: ReconcileScene

  /// Four letters: unreadable; a request that holds another slot; two of an activity that is made later.
  init() throws {
    scene = try ReconcileScene()
    try scene.hold(1...3)
    try scene.publish([
      scene.claimed(7, "u1", 7), event(activity: 2, slot: 1, seq: 1, user: "a", request: "r"),
      event(activity: 2, slot: 2, seq: 2, user: "b", request: "r"),
      event(activity: 2, slot: 90, seq: 3, user: "c", request: "r"),
    ])
    try scene.apply()
    try scene.lock(7, "u1", 7)
    try scene.record("u1", "7,1")
    try scene.count()
    try PostgresConnection(scene.deployment.tables.settings).execute(
      """
      INSERT INTO activity (id, name, stock_total, stock_surplus, per_user_limit, opens_at, closes_at, state)
      VALUES (2, 'later', 10, 10, 1, now(), now() + interval '1 hour', 'preparing')
      """)
  }

  private func run(_ words: String, _ more: [String] = []) throws -> Ended {
    let process = try Subprocess(
      try builtProduct("StockSyncWorker"), words.split(separator: " ").map(String.init) + more,
      environment: scene.deployment.environment)
    let status = try process.wait(within: 60)
    return Ended(status: status, output: process.output, error: process.errorOutput)
  }

  @Test func listsAndShows() throws {
    let all = try run("dead-letters list --json")
    #expect(all.status == .exited(0), "\(all.error)")
    #expect(all.objects.compactMap { $0["offset"] as? Int } == [3, 4, 5, 6])
    #expect(all.objects.compactMap { $0["activity"] as? String } == ["1", "2", "2", "2"])
    #expect(try run("dead-letters list --activity 2 --json").objects.count == 3)
    #expect(try run("dead-letters list --reason unknown_activity --json").objects.count == 3)
    let page = try run("dead-letters list --limit 2")
    #expect(page.output.contains("more: --after 0/4"))
    let rest = try run("dead-letters list --after 0/4 --json")
    #expect(rest.objects.compactMap { $0["offset"] as? Int } == [5, 6])
    #expect(try run("dead-letters list --after nowhere").status == .exited(2))

    let shown = try run("dead-letters show --partition 0 --offset 3 --json")
    #expect(shown.json["reason"] as? String == "request_has_other_slot")
    #expect(shown.json["redis"] as? String == "lock 'u1 r 7 3'")
    #expect(shown.json["postgres"] as? String == "nothing")
    #expect((shown.json["payload"] as? String)?.contains("\"slot\":7") == true)
    #expect(try run("dead-letters show --partition 0 --offset 99").status == .exited(1))
    #expect(try run("dead-letters show --partition 0").status == .exited(2))
  }

  /// What is committed is said, whatever Redis answers.
  @Test func discardsBesideARedisThatAnswersWithAnError() throws {
    try scene.run("SET", scene.keys.locks, "no hash")
    let ended = try run(
      "dead-letters discard --partition 0 --offset 3 --json", ["--note", "on purpose"])
    #expect(ended.status == .exited(0), "\(ended.error)")
    #expect(ended.json["redis"] as? String == "unavailable")
    #expect(ended.json["resolution"] as? String == "discarded")
  }

  @Test func replaysAndKeepsWhoDidIt() throws {
    let refused = try run("dead-letters replay --partition 0 --offset 3")
    #expect(refused.status == .exited(1))
    #expect(refused.error.contains("request_has_other_slot"))
    let done = try run(
      "dead-letters replay --partition 0 --offset 4 --by ann --json", ["--note", "ticket 7"])
    #expect(done.status == .exited(0), "\(done.error)")
    #expect(done.json["resolution"] as? String == "replayed")
    #expect(done.json["resolvedBy"] as? String == "ann")
    #expect(done.json["heldChange"] as? Int == 1)
    #expect(done.error.contains("\"event\":\"dead_letter_replayed\""))
    #expect(done.error.contains("\"by\":\"ann\""))
    #expect(try run("dead-letters replay --partition 0 --offset 4").status == .exited(1))

    let rest = try run("dead-letters replay --all --reason unknown_activity --json")
    #expect(rest.status == .exited(1))
    #expect(rest.json["replayed"] as? Int == 1)
    #expect(rest.json["refused"] as? Int == 1)
    #expect((rest.json["refusals"] as? [String])?.first?.contains("0/6 slot_out_of_range") == true)
    #expect(try run("dead-letters replay --all").status == .exited(2))
    #expect(try run("dead-letters list --json").objects.count == 2)
    let user = try run("dead-letters show --partition 0 --offset 5 --json").json["resolvedBy"]
    #expect(user as? String == NSUserName())
    #expect(
      try scene.deployment.tables.number(
        "SELECT stock_surplus::bigint FROM activity WHERE id = 2") == 8)
  }

  @Test func discardsWithANoteAndReconcileNamesTheSlot() throws {
    #expect(try run("dead-letters discard --partition 0 --offset 3").status == .exited(2))
    let before = try run("reconcile --json")
    #expect(before.status == .exited(1))
    #expect((before.json["kinds"] as? [String: Int]) == ["request_has_other_slot": 1])
    let done = try run(
      "dead-letters discard --partition 0 --offset 3 --by ann --json", ["--note", "a test"])
    #expect(done.status == .exited(0), "\(done.error)")
    #expect(done.json["resolution"] as? String == "discarded")
    #expect(done.json["note"] as? String == "a test")
    #expect(done.json["redis"] as? String == "lock 'u1 r 7 3'")
    #expect(done.error.contains("\"event\":\"dead_letter_discarded\""))
    let after = try run("reconcile --json --repair")
    #expect(after.status == .exited(1))
    let found = try #require((after.json["found"] as? [[String: Any]])?.first)
    #expect(found["kind"] as? String == "held_by_discarded_letter")
    #expect(found["slot"] as? Int == 7)
    #expect(found["user"] as? String == "u1")
    #expect(after.error.contains("\"event\":\"reconciled\""))
  }

  @Test func reconcileSaysWhatToDo() throws {
    try scene.run("HDEL", scene.keys.locks, "7")
    try scene.record("u1", "1")
    try scene.count()
    let fine = try run("reconcile")
    #expect(fine.status == .exited(0), "\(fine.error)")
    #expect(fine.output.contains("no differences"))
    try scene.run("HDEL", scene.keys.locks, "2")
    try scene.run("HDEL", scene.keys.users, "u2")
    try scene.count()
    let lost = try run("reconcile --activity 1")
    #expect(lost.status == .exited(1))
    #expect(lost.output.contains("postgres_only"))
    #expect(lost.output.contains("with --repair it is fenced"))
    #expect(try run("reconcile --activity zero").status == .exited(2))
  }
}
