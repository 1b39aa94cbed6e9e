import Log
import PostgresClient
import RedisClient

/// A difference, and what was done about it.
struct Finding: Equatable, Sendable {
  enum Repair: Equatable, Sendable {
    /// None was asked for, or there is none in the safe direction.
    case none
    case done(String)
    case failed(String)
  }

  var difference: Difference
  /// The slot's lock as it was seen: what a repair asks to be still there.
  var lock: String?
  /// Of a slot that was compared.
  var view: SlotView?
  var repair = Repair.none

  /// In words, or what is to be done; empty: nothing.
  var repairText: String {
    switch repair {
    case .none: difference.advice
    case .done(let what): "done: \(what)"
    case .failed(let why): "failed: \(why)"
    }
  }

  var fields: [(key: String, value: LogValue)] {
    difference.fields + [("repair", .string(repairText))]
  }
}

/// What a reconciliation found.
struct ReconcileReport: Sendable {
  /// Findings that are kept, and the first alarms of each kind; more are counted.
  static let findingLimit = 10_000

  var activities = 0
  /// Slots that were compared.
  var slots: Int64 = 0
  /// Slots that differed at first sight, as those on their way do.
  var suspects = 0
  private(set) var findings: [Finding] = []
  private(set) var counts: [Difference.Kind: Int] = [:]
  private(set) var repaired = 0
  /// Why nothing was judged, or not all; nil: all was.
  var notJudged: String?
  /// A store that failed in the middle, which `notJudged` names.
  private(set) var failure: (any Error)?
  var tookMs: Int64 = 0

  var differences: Int { counts.values.reduce(0, +) }
  var needsRecovery: Bool { counts.keys.contains { Self.needsRecovery($0) } }
  var isCorrupt: Bool { counts[.surplusDiffers] != nil }

  mutating func add(_ finding: Finding) {
    counts[finding.difference.kind, default: 0] += 1
    if case .done = finding.repair { repaired += 1 }
    // Alarms are kept also behind a flood of others.
    let isUrgent =
      finding.difference.isAlarm && counts[finding.difference.kind]! <= ReconcileLog.alarmLimit
    if findings.count < Self.findingLimit || isUrgent { findings.append(finding) }
  }

  mutating func fail(_ error: any Error) {
    failure = error
    notJudged =
      switch error {
      case let error as PostgresError: "Postgres \(error)"
      case let error as RedisError: "Redis \(error)"
      case let error as RedisServerError: "Redis \(error)"
      default: "\(error)"
      }
  }

  private static func needsRecovery(_ kind: Difference.Kind) -> Bool {
    Difference(kind: kind, activity: 0, side: .both).needsRecovery
  }

  var kinds: LogValue {
    .object(
      counts.map { ($0.key.rawValue, .int($0.value)) }.sorted { $0.0 < $1.0 })
  }

  var fields: [(key: String, value: LogValue)] {
    [
      ("activities", .int(activities)), ("slots", .integer(slots)), ("suspects", .int(suspects)),
      ("differences", .int(differences)), ("repaired", .int(repaired)),
      ("kinds", kinds),
      ("needsRecovery", .bool(needsRecovery)), ("notJudged", .string(notJudged ?? "")),
      ("tookMs", .integer(tookMs)),
    ]
  }
}
