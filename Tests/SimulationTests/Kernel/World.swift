import Stock
import TestSupport

@testable import ScriptModel
@testable import StockSyncWorker

/// Everything of one run: one seed gives one history.
///
/// Real time is in microseconds from the beginning; the processes only know their own clocks.
final class World {
  let seed: UInt64
  let setup: Setup
  private(set) var nowUs: Int64 = 0
  var random: Seeded
  private var queue = EventQueue()
  private(set) var trace: [String]?
  private(set) var coverage = Coverage()
  /// The first rule that was broken.
  private(set) var violation: Violation?
  /// No more faults: everything has to come to rest.
  var isQuiet = false

  var tables: Tables
  var redis: RedisWorld
  var kafka: KafkaWorld
  var draws: [DrawActor] = []
  var workers: [WorkerActor] = []
  var users: [UserActor] = []
  var operators: [OperatorActor] = []
  /// The advisory lock: the session that holds it.
  var lockOwner: Int?
  var lastSession = 0
  var lastToken = 0
  /// When the sale began.
  var openedAtMs: Int64 = 0
  var secondTerms: OperatorActor.Terms?
  /// When Redis is lost next, as planned, and was lost last.
  var lossesUs: [Int64] = []
  /// Of the consumers' group.
  var generation = 0
  /// Events that were in the outbox when Redis was lost without losing anything.
  var survivors: [StockEvent] = []
  /// A rebuild that replaced a newer one.
  var olderSwap: String?
  /// Events that Postgres cannot store.
  var refused: Set<StockEvent.Identity> = []
  var checker = Checker()

  init(seed: UInt64, isTraced: Bool) {
    self.seed = seed
    var random = Seeded(seed &* 0x9e37_79b9_7f4a_7c15)
    setup = Setup(using: &random)
    self.random = random
    trace = isTraced ? [] : nil
    tables = Tables(setup)
    redis = RedisWorld(setup)
    kafka = KafkaWorld(partitions: setup.partitions)
  }

  // MARK: Time

  var nowMs: Int64 { nowUs / 1_000 }

  func after(us: Int64, _ owner: Process? = nil, _ body: @escaping () -> Void) {
    queue.plan(at: nowUs + max(0, us), owner: owner, body)
  }

  func after(ms: Int64, _ owner: Process? = nil, _ body: @escaping () -> Void) {
    after(us: ms * 1_000, owner, body)
  }

  /// Lets everything happen until that moment, or until a rule is broken or `isDone` says so.
  func run(untilMs limit: Int64, isDone: () -> Bool = { false }) {
    while violation == nil, !isDone(), let event = queue.next() {
      if event.at > limit * 1_000 {
        queue.plan(event)
        nowUs = limit * 1_000
        return
      }
      nowUs = event.at
      if let owner = event.owner {
        if !owner.isAlive || owner.life != event.life { continue }
        if owner.stoppedUntil > nowUs {
          queue.plan(
            EventQueue.Event(
              at: owner.stoppedUntil, owner: owner, life: event.life, body: event.body))
          continue
        }
      }
      event.body()
    }
  }

  var eventsPlanned: Int { queue.planned }

  /// The actors and what is planned hold each other.
  func dismantle() {
    queue = EventQueue()
    draws = []
    workers = []
    users = []
    operators = []
  }

  // MARK: Chance

  func chance(_ permille: Int) -> Bool { Int(random.next() % 1_000) < permille }

  func between(_ low: Int64, _ high: Int64) -> Int64 {
    low >= high ? low : low + Int64(random.next() % UInt64(high - low + 1))
  }

  func pick(_ count: Int) -> Int { Int(random.next() % UInt64(count)) }

  /// Shortly before a loss, or in the recovery after it.
  var isAroundLoss: Bool {
    lossesUs.contains { nowUs > $0 - 1_500_000 && nowUs < $0 + 2_500_000 }
  }

  /// A fault that the setup makes this likely; never once faults have stopped.
  func fault(_ permille: Int) -> Bool { !isQuiet && chance(permille) }

  // MARK: What is said

  func say(_ text: @autoclosure () -> String) {
    if trace == nil { return }
    let ms = "\(nowUs / 1_000)"
    trace!.append(String(repeating: " ", count: max(0, 7 - ms.count)) + ms + "  " + text())
  }

  func met(_ point: Coverage.Point) { coverage.add(point) }

  func metBranch(_ branch: Branch, _ count: Int) { coverage.add(branch, count) }

  func broken(_ rule: Rule, _ text: @autoclosure () -> String) {
    if violation != nil { return }
    let text = text()
    say("VIOLATION \(rule.rawValue): \(text)")
    violation = Violation(rule: rule, text: text, atMs: nowMs)
  }
}
