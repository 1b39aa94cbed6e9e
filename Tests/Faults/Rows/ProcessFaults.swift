import Foundation
import RedisClient
import TestSupport

/// Services that are killed, stopped, ended.
let processFaults = drawKills + workerKills + memberFaults + terminations

extension Sale {
  /// Seqs of what stands in the outbox, at most 10,000.
  func outbox() throws -> Set<Int> {
    let reply = try redis([RedisCommand("XRANGE", "\(stockKey):outbox", "-", "+", "COUNT", "10000")]
    )[0]
    return Set(
      (reply.elements ?? []).compactMap { entry in
        entry.elements?.first?.text.flatMap { Int($0.prefix { $0 != "-" }) }
      })
  }
}

extension ServiceProcess {
  /// Partitions of its last assignment in this run; none after it has lost them.
  var partitions: [Int] {
    let told = ["assigned", "revoked", "partitions_lost"]
      .flatMap { event in events(event, lastRunAlone: true) }
      .max { ($0["time"] as? String ?? "") < ($1["time"] as? String ?? "") }
    guard let told, told["event"] as? String == "assigned" else { return [] }
    return (told["partitions"] as? [Any] ?? []).compactMap { ($0 as? NSNumber)?.intValue }
  }

  /// Waits until it has some, and gives them.
  func awaitPartitions(within seconds: Double = 20) throws -> [Int] {
    var its: [Int] = []
    _ = eventually(within: seconds, everyMs: 10) {
      its = partitions
      return !its.isEmpty
    }
    guard !its.isEmpty else { throw TestSupportError("\(name) has no partitions") }
    return its
  }

  /// Messages that this run has applied, by its stats lines.
  var applied: Int {
    events("stats", lastRunAlone: true).reduce(0) {
      $0 + (($1["applied"] as? NSNumber)?.intValue ?? 0)
    }
  }
}
