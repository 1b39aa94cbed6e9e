@testable import DrawService
@testable import ScriptModel

/// One seed from beginning to end.
enum Simulation {
  struct Result {
    let violation: Violation?
    let coverage: Coverage
    let trace: [String]
    let events: Int
  }

  private static let scripts = StockScripts()

  static func run(
    seed: UInt64, isTraced: Bool = false
  ) -> Result {
    let world = World(seed: seed, isTraced: isTraced)
    defer { world.dismantle() }
    world.play(scripts)
    return Result(
      violation: world.violation, coverage: world.coverage, trace: world.trace ?? [],
      events: world.eventsPlanned)
  }
}

extension World {
  /// Longest time until everything is at rest, once nothing is broken any more.
  private static let restLimitMs: Int64 = 150_000

  fileprivate func play(_ scripts: StockScripts) {
    say("\(setup)")
    open(scripts)
    if violation != nil { return }
    planFaults()
    planSecondCreate()
    for user in users { user.start() }
    run(untilMs: openedAtMs + setup.faultsMs)
    if violation != nil { return }
    isQuiet = true
    say("no more faults")
    calm()
    run(untilMs: nowMs + 1_500)
    for user in users { user.stop() }
    run(untilMs: nowMs + setup.deadlineMs + 500)
    rest()
    if violation != nil { return }
    checkRest()
    askAll()
    probe()
    rest()
    checkRest()
  }

  /// Starts the pair and opens the activities, without faults.
  private func open(_ scripts: StockScripts) {
    isQuiet = true
    draws = (0..<setup.draws).map { DrawActor(self, number: $0, scripts: scripts) }
    workers = (0..<setup.workers).map { WorkerActor(self, number: $0) }
    for draw in draws { draw.start() }
    for worker in workers { worker.start() }
    rebalance()
    if setup.hasSecond {
      let second = OperatorActor(
        self, activity: 1 + pick(setup.activities), slownessMs: pick(2) == 0 ? 60 : 5_000)
      operators.append(second)
      if chance(700) { secondTerms = second.readTerms() }
    }
    for turn in 0..<40 where tables.activities.contains(where: { $0.state != "open" }) {
      for place in tables.activities.indices where tables.activities[place].state != "open" {
        let creator = OperatorActor(self, activity: place + 1, slownessMs: 5)
        operators.append(creator)
        creator.create()
      }
      run(untilMs: turn == 0 ? 400 : nowMs + 500)
    }
    if tables.activities.contains(where: { $0.state != "open" }) {
      broken(.notOnSale, "an activity was not opened")
    }
    openedAtMs = nowMs
    for activity in 0..<setup.activities {
      for number in 0..<setup.usersPerActivity {
        users.append(UserActor(self, activity: activity, number: number))
      }
    }
    isQuiet = false
  }

  /// Another `activity create`: one that read Postgres before all, or begins at any time; often just after a loss.
  private func planSecondCreate() {
    guard setup.hasSecond, let second = operators.first else { return }
    let isAfterLoss = chance(700) && !lossesUs.isEmpty
    let at = isAfterLoss ? lossesUs[0] + between(0, 200_000) : nowUs + between(0, 2_000_000)
    after(us: at - nowUs) { [unowned self] in second.create(secondTerms) }
  }

  /// Ends what would only end by another fault.
  private func calm() {
    for place in redis.servers.indices where place != redis.primary { takeDown(place) }
    kafka.isAwayUntilUs = 0
    redis.servers[redis.primary].isStalledUntilUs = min(
      redis.servers[redis.primary].isStalledUntilUs, nowUs + 1_000_000)
    for draw in draws { draw.isCutUntilUs = 0 }
    after(ms: 500) { [unowned self] in rebalance() }
  }

  private func rest() {
    if violation != nil { return }
    let limit = nowMs + Self.restLimitMs
    var reason = unrest
    while reason != nil, nowMs < limit, violation == nil {
      run(untilMs: nowMs + 200)
      reason = unrest
    }
    if let reason { broken(.notAtRest, reason) }
  }

  /// Every request is asked for until it is decided, and says what Postgres says.
  private func askAll() {
    var open = Array(checker.asks.indices)
    var turns = 0
    while !open.isEmpty, violation == nil {
      turns += 1
      if turns > 20 {
        return broken(.notAtRest, "\(checker.asks[open[0]].request) is not decided")
      }
      var decided: Set<Int> = []
      var answers = 0
      for place in open {
        let ask = checker.asks[place]
        let user = users.first { $0.name == ask.user }!
        user.send(.look, ask.request) { [unowned self] answer in
          answers += 1
          decided.insert(place)
          judge(answer, ask) { decided.remove(place) }
        }
      }
      run(untilMs: nowMs + 500) { answers == open.count }
      open.removeAll { decided.contains($0) }
    }
  }

  private func judge(_ answer: Answer, _ ask: Ask, _ isUndecided: () -> Void) {
    let row = tables.slot(of: ask.user, ask.request, ask.activity)
    let claim = row.flatMap { tables.claims[ask.activity][$0] }
    switch answer {
    case .claimed(let slot, _, _):
      if isBuried(slot, ask.activity) { return }
      if claim == nil || claim!.isReleased || row != Int(slot) {
        broken(.notAlike, "\(ask.request) is told slot \(slot), Postgres has \(row ?? 0)")
      }
    case .released, .refused(.unknownRequest), .refused(.released):
      if let claim, !claim.isReleased { broken(.notAlike, "\(ask.request) is told no, and holds") }
    case .pending, .refused, .described: isUndecided()
    }
  }

  /// A stranger at each DrawService: the sale goes on, or all is sold.
  private func probe() {
    for activity in 0..<setup.activities {
      let user = UserActor(self, activity: activity, number: 90)
      users.append(user)
      for number in draws.indices { probe(user, activity, number) }
    }
  }

  private func probe(_ user: UserActor, _ activity: Int, _ number: Int) {
    if violation != nil { return }
    let request = "\(user.name)p\(number)"
    let total = tables.activities[activity].total
    let stock = redis.servers[redis.primary].data.stocks[activity]!
    let free = total - Int64(stock.locks.count)
    checker.add(Ask(activity: activity, user: user.name, request: request))
    var answer: Answer?
    user.send(.claim(isKeyed: true), request, to: number) { answer = $0 }
    run(untilMs: nowMs + setup.deadlineMs + 1_000) { answer != nil }
    let isRight =
      switch answer {
      case .claimed: free > 0
      case .refused(.soldOut): free == 0
      case .refused(.limitReached): number >= setup.limits[activity]
      default: false
      }
    if !isRight, violation == nil {
      broken(
        .notOnSale,
        "with \(free) free slots D\(number + 1) answers \(answer.map(text) ?? "nothing")")
    }
  }
}
