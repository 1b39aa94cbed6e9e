import Foundation
import Log
import Stock
import Testing
import Threads

@testable import StockSyncWorker

@Suite struct RecoveryJournalTests {
  /// The lines that `body` leaves.
  private func lines(_ body: (inout RecoveryJournal) -> Void) throws -> [[String: Any]] {
    let pipe = Pipe()
    let log = Log(
      service: "worker", instance: "test", descriptor: pipe.fileHandleForWriting.fileDescriptor)
    var journal = RecoveryJournal(log)
    body(&journal)
    log.close(until: .after(ms: 10_000))
    try pipe.fileHandleForWriting.close()
    let text = try pipe.fileHandleForReading.readToEnd() ?? Data()
    return try text.split(separator: UInt8(ascii: "\n")).map {
      try #require(try JSONSerialization.jsonObject(with: Data($0)) as? [String: Any])
    }
  }

  /// What failed is never told as done, and every epoch counts its own.
  @Test func aFailedStepIsARetryAndItsCountsAreForgotten() throws {
    let lines = try lines { journal in
      journal.note(.epochAdvanced(2), of: .epoch, next: .outbox)
      journal.count("events", 5)
      journal.note(.failed("away"), of: .outbox, next: .outbox)
      journal.count("events", 7)
      journal.note(.outboxPublished, of: .outbox, next: .rebuild)
      journal.count("locks", 30)
      journal.note(.failed("gone"), of: .rebuild, next: .epoch)
      journal.note(.epochAdvanced(3), of: .epoch, next: .outbox)
      journal.count("events", 1)
      journal.note(.outboxPublished, of: .outbox, next: .rebuild)
      journal.count("locks", 20)
      journal.count("locks", 1)
      journal.note(.swapped, of: .rebuild, next: .fence)
      journal.end(.recovered(epoch: 3, activities: [ActivityID(1)!]))
    }
    let told = lines.map { "\($0["event"] ?? "") \($0["step"] ?? "")" }
    #expect(
      told == [
        "recovery_step epoch", "recovery_retries outbox", "recovery_step outbox",
        "recovery_retries rebuild", "recovery_step epoch", "recovery_step outbox",
        "recovery_step rebuild", "recovery_step fence", "recovery_done ",
      ])
    #expect(lines[3]["next"] as? String == "epoch" && lines[3]["tookMs"] is Int)
    let counts = lines.map { $0["counts"] as? [String: Int] ?? [:] }
    #expect(counts[2] == ["events": 7] && counts[5] == ["events": 1] && counts[6] == ["locks": 21])
    let done = try #require(lines.last)
    #expect(done["events"] as? Int == 1 && done["locks"] as? Int == 21)
    let stepsMs = done["stepsMs"] as? [String: Int] ?? [:]
    #expect(stepsMs.keys.sorted() == ["epoch", "fence", "outbox", "rebuild"])
  }
}
