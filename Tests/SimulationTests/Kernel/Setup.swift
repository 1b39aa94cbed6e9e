import TestSupport

/// What a run is biased to, so that rare meetings of faults are not rare.
enum Mood: Int, CaseIterable, Sendable {
  /// A little of everything.
  case even
  /// Events are written late, around a loss, and twice.
  case late
  /// A deposed primary serves on, and a DrawService is cut off from the news.
  case oldPrimary
  /// Both of these.
  case oldAndLate
  /// The control topic is slow, and its records come twice.
  case slowControl
  /// Postgres is behind.
  case slowApply
  /// Faults at the steps of a recovery.
  case stepTrouble
  /// Few slots, many claims and releases, commands that are carried out late.
  case churn
  /// Two losses with the news of the first coming again behind the second's.
  case oldNews
  /// One loss that loses nothing, with much in the outbox.
  case survivors

  /// Those in which more has to meet come more often.
  static let drawn: [Mood] = [
    .even, .late, .oldPrimary, .oldAndLate, .oldAndLate, .oldAndLate, .slowControl, .slowControl,
    .slowApply, .stepTrouble, .stepTrouble, .stepTrouble, .churn, .oldNews, .oldNews, .oldNews,
    .survivors,
  ]
}

/// The pair, its settings and its faults, drawn at random.
struct Setup {
  var mood = Mood.even
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
  /// Of events that are sent shortly before a loss or in a recovery, that they come late.
  var lateAround = 0
  var controlTrouble = 0
  var postgresTrouble = 30
  var stepTrouble = 0
  /// Users that hardly wait.
  var haste = 300
  /// A second `activity create`, at any time, slowly.
  var hasSecond = false
  /// Lost by failover mostly, the old primary serving on, a DrawService cut off from the news.
  var stopAtLoss = false
  var keepsOld = false
  /// Of records of epochs, that they are written late, and that somebody is cut off just before.
  var slowEpochs = 0
  /// Of records of epochs and of barriers, that they come again much later.
  var doubledNews = 0

  // How many there are.
  var losses = 1
  var crashes = 1
  var stops = 1
  var cuts = 1
  var outages = 0

  init(using random: inout Seeded) {
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
    claimsPerUser = pick([2, 3, 4])
    mood = pick(Mood.drawn)
    hasSecond = pick([false, false, false, false, false, true])
    haste = pick([100, 300, 600])
    switch mood {
    case .even: break
    case .late: beLate(pick([300, 500, 800]))
    case .oldPrimary: keepOldPrimary()
    case .oldAndLate:
      keepOldPrimary()
      beLate(pick([300, 500, 800]))
    case .slowControl:
      keepOldPrimary()
      controlTrouble = 0
      slowEpochs = 600
    case .slowApply:
      postgresTrouble = 300
      haste = 700
      losses = max(1, losses)
    case .stepTrouble:
      stepTrouble = pick([50, 100, 200])
      losses = max(1, losses)
      slots[0] = pick([4, 6, 8])
      haste = 600
    case .churn:
      slots = slots.map { _ in pick([1, 2, 2]) }
      claimsPerUser = 4
      haste = 800
      losses = max(1, losses)
      redisTrouble = pick([60, 150, 250])
    case .oldNews:
      beLate(pick([200, 400]))
      draws = max(2, draws)
      deadlineMs = 1_000
      doubledNews = 600
      losses = 2
      cuts = 0
      keepsOld = true
      faultsMs = 16_000
    case .survivors:
      losses = 1
      lateAround = 700
      produceTrouble = 150
      haste = 700
    }
  }

  private mutating func beLate(_ permille: Int) {
    lateAround = permille
    leaseMs = 500
    heartbeatMs = 125
    driftMs = 50
    marginMs = 50
    deadlineMs = 3_000
    messageTimeoutMs = 6_000
    losses = max(1, losses)
    haste = 700
    produceTrouble = lateAround > 400 ? 300 : produceTrouble
  }

  private mutating func keepOldPrimary() {
    draws = max(2, draws)
    leaseMs = 1_000
    heartbeatMs = 250
    driftMs = 50
    marginMs = 50
    extraWaitMs = 0
    cuts = 2
    losses = max(1, losses)
    stopAtLoss = true
    haste = 700
    faultsMs = 15_000
  }
}
