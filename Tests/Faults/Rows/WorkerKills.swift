import Foundation
import TestSupport

/// SIGKILL of a worker, which is then started again.
let workerKills =
  [
    Fault(row: 2, name: "worker-killed", breaks: [.workers]) { sale, random in
      try killWorker(sale, &random)
    }
  ]
  + [
    ("commit", "before COMMIT", "before-commit"),
    // The worker's own "during COMMIT"; whether Postgres is still at it is in the evidence.
    ("committing", "COMMIT sent, its answer unread", "commit-unanswered"),
    ("committed", "after COMMIT", "after-commit"),
  ].map { step, place, name in
    Fault(row: 2, name: "worker-killed-\(name)", breaks: [.workers]) { sale, random in
      try killWorker(sale, &random, at: (step, place))
    }
  }

/// The group gives up the dead member after its session timeout, 2 s here, and its partitions are given anew: once without it,
/// once with the one that was started again.
let workerBackMs = 10_000

/// How the held worker's connections are called in Postgres.
private let heldName = "held-worker"

private func killWorker(
  _ sale: Sale, _ random: inout Seeded, at step: (name: String, place: String)? = nil
) throws {
  let worker = sale.workers.randomElement(using: &random)!
  let hold = step.map { Hold($0.name, $0.place, of: worker, in: sale) }
  if let hold {
    try hold.prepare(worker, ["PGAPPNAME": heldName])
    guard eventually(within: 20, everyMs: 20, { worker.applied > 0 }) else {
      throw TestSupportError("\(worker.name) applies nothing")
    }
  }
  try sale.sell(.random(in: 50...300, using: &random))
  let partitions = try worker.awaitPartitions()
  let name = "SIGKILL of \(worker.name), " + (step?.place ?? "at any moment")
  try sale.injure(name, back: .worker(withinMs: workerBackMs), partitions: partitions) {
    try hold?.take(worker)
    let transaction = try hold.flatMap { try transactionState(sale, $0) }
    let death = try worker.kill()
    try worker.start()
    if hold != nil, transaction == nil { return nil }
    let details = [death, "partitions \(partitions)", hold?.place, transaction]
    return details.compactMap(\.self).joined(separator: ", ")
  }
  guard eventually(within: 20, everyMs: 20, { worker.applied > 0 }) else {
    throw TestSupportError("\(worker.name), started again, applies nothing")
  }
  try sale.sellMore(100)
}

/// What Postgres says about the held worker's transaction; nil when it is not what the step says.
private func transactionState(_ sale: Sale, _ hold: Hold) throws -> String? {
  let isOpen = hold.step == "commit"
  var state = ""
  let isThere = try eventually(within: 2, everyMs: 10) {
    state =
      try sale.query(
        """
        SELECT state || ' after ' || left(query, 6) FROM pg_stat_activity
        WHERE application_name = '\(heldName)'
          AND CASE WHEN \(isOpen) THEN state = 'idle in transaction' ELSE query = 'COMMIT' END
        """
      ).first ?? ""
    return isOpen ? !state.isEmpty : state.hasPrefix("idle")
  }
  if isThere { return isOpen ? "its transaction open" : "its transaction stood" }
  return hold.step == "committing" && !state.isEmpty ? "its COMMIT not done yet: \(state)" : nil
}
