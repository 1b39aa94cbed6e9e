import TestSupport

/// What a run is biased to; `walk` is everything at once, at random.
enum Scenario: Int, CaseIterable, Sendable {
  case walk
}

/// The pair, its settings and its faults, drawn at random.
struct Setup {
  var draws = 2
  var workers = 1
  var partitions = 1
  var activities = 1
  var slots: [Int64] = []
  var limits: [Int64] = []
  var usersPerActivity = 2
  var claimsPerUser = 2

  var leaseMs: Int64 = 3_000
  var heartbeatMs: Int64 = 600
  var driftMs: Int64 = 300
  var marginMs: Int64 = 300
  var deadlineMs: Int64 = 1_000
  /// Of the recovery, beyond what safety needs.
  var extraWaitMs: Int64 = 0
  var stepLimitMs: Int64 = 8_000
  var messageTimeoutMs: Int64 = 3_000
  var commandTimeoutMs: Int64 = 700
  var relayIntervalMs: Int64 = 400
  var relayAgeMs: Int64 = 900
  /// Milliseconds of faults, after which everything has to come to rest.
  var faultsMs: Int64 = 20_000

  // Out of a thousand.
  var produceTrouble = 60
  var redisTrouble = 20
  var httpTrouble = 20
  var unknownCommit = 20
  var refusedEvent = 0

  // How many there are.
  var losses = 1
  var crashes = 1
  var stops = 1
  var cuts = 1
  var outages = 0

  init(_ scenario: Scenario, using random: inout Seeded) {
    func pick<Value>(_ choices: [Value]) -> Value {
      choices[Int(random.next() % UInt64(choices.count))]
    }
    draws = pick([1, 2, 2, 3])
    workers = pick([1, 1, 2])
    partitions = pick([1, 2, 3])
    activities = pick([1, 1, 1, 2])
    for _ in 0..<activities {
      slots.append(pick([2, 2, 3, 4, 6]))
      limits.append(pick([1, 1, 2]))
    }
    usersPerActivity = pick([2, 3, 4])
    leaseMs = pick([1_000, 2_000, 3_000])
    heartbeatMs = leaseMs / 4
    driftMs = pick([50, 100, 300])
    marginMs = pick([50, 100, 300])
    deadlineMs = pick([300, 1_000, 2_000])
    messageTimeoutMs = pick([1_000, 3_000])
    extraWaitMs = pick([0, 0, 500])
    produceTrouble = pick([0, 50, 150])
    redisTrouble = pick([0, 20, 60])
    httpTrouble = pick([0, 20, 60])
    unknownCommit = pick([0, 20, 60])
    refusedEvent = pick([0, 0, 0, 40])
    losses = pick([0, 1, 1, 2, 3])
    crashes = pick([0, 1, 2])
    stops = pick([0, 1, 2])
    cuts = pick([0, 1, 1])
    outages = pick([0, 0, 1])
    faultsMs = pick([6_000, 12_000, 20_000])
  }
}
