import TestSupport

/// Which rounds a call plays, and in which order: by kind of ground, so that servers are started as seldom as can be, and within
/// a kind a round of each row before the next round of any.
struct Jobs: Sendable {
  struct Job: Sendable {
    let fault: Fault
    let seed: UInt64
  }

  private let rows: [[Fault]]
  private let firstSeed: UInt64
  private var seeds: Seeded
  private var queues: [Ground.Kind: [Job]] = [:]
  /// Of one that ends only when its time is over: the round that comes next.
  private var nextRound: Int?

  /// Without `rounds` and `minutes` every fault once; with `rounds` so many of each row, its faults in turn; with `minutes`
  /// alone round after round of all rows without an end.
  init(_ options: Options) {
    rows = options.chosen.map(\.faults)
    firstSeed = options.seed
    seeds = Seeded(options.seed == 0 ? .random(in: 1 ... .max) : options.seed)
    if let rounds = options.rounds {
      for round in 0..<rounds { add(round) }
    } else if options.minutes == nil {
      for fault in rows.joined() { add(fault, isFirst: true) }
    } else {
      nextRound = 0
    }
  }

  /// What a thread plays next. The first takes kinds of ground from the front, the others from behind: each stays on its ground
  /// while there is work for it.
  mutating func next(_ thread: Int) -> Job? {
    if let round = nextRound, queues.values.allSatisfy(\.isEmpty) {
      add(round)
      nextRound = round + 1
    }
    let kinds = Ground.Kind.allCases.filter { !(queues[$0] ?? []).isEmpty }
    guard let kind = thread == 1 ? kinds.first : kinds.last else { return nil }
    return queues[kind]?.removeFirst()
  }

  /// A round of each row.
  private mutating func add(_ round: Int) {
    for faults in rows { add(faults[round % faults.count], isFirst: round == 0) }
  }

  private mutating func add(_ fault: Fault, isFirst: Bool) {
    let seed = isFirst && firstSeed != 0 ? firstSeed : max(1, seeds.next() >> 24)
    queues[fault.plan.ground, default: []].append(Job(fault: fault, seed: seed))
  }
}
