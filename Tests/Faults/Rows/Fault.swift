import TestSupport

/// One way of breaking the running pair: a row of the table of faults, in one of its variants.
struct Fault: Sendable {
  /// In the table of faults.
  let row: Int
  /// Unique, in words with hyphens.
  let name: String
  /// What the sale needs to be broken this way.
  var plan = Plan()
  /// The parts that it breaks. Two faults that share one are not brought about at the same time.
  let breaks: Set<Part>
  /// Whether it may be one of several in a round of random faults: it then meets a plan that is not its own.
  var isCombinable = true
  /// Breaks the sale, by way of `Sale.injure`, and mends what does not mend itself.
  let inflict: @Sendable (Sale, inout Seeded) throws -> Void
}

enum Part: String, Sendable {
  case draws, workers, redis, kafka, postgres
  /// Clients besides the crowd.
  case crowd
  /// What stands in the topic of events.
  case topic
}

/// The stack and the sale of a round.
struct Plan: Sendable {
  var ground = Ground.Kind.single
  /// A second Redis that replicates the first.
  var hasReplica = false
  var stock = 1_800
  /// Slots that are left for after the last fault, however long it takes.
  var kept: Int { stock / 5 }
  /// Draws that begin each second, until all faults have been brought about.
  var rate = 200
  var giveBack = 0.05
  /// Settings of each DrawService besides the round's. There `{folder}` stands for the round's folder, `{name}` for the
  /// service, and on one broker `{detour}` for where clients begin whose way to it a fault breaks.
  var draws: [[String: String]] = [[:], [:]]
  var workers: [[String: String]] = [[:], [:]]
  /// Instances of each service besides, which no fault touches.
  var spared = 0
  /// What each service is started by, before its program's path.
  var drawLauncher: [String] = []
  var workerLauncher: [String] = []
  /// Settings of both.
  var settings: [String: String] = [:]
  /// Variations of the truth that this fault makes, for the checker.
  var allows: [String] = []
  /// Most descriptors of a DrawService at any time.
  var descriptors = 400
  /// Longest round, seconds.
  var limitS = 120
  /// Longest wait for what is under way when the sale has ended, seconds: first by the crowd, then in the stores.
  var settleS = 30
}

/// Where service has to come back after a fault, and how soon.
enum Back: Sendable {
  case draws(withinMs: Int)
  case worker(withinMs: Int)
  /// Nothing was to be interrupted.
  case none
}
