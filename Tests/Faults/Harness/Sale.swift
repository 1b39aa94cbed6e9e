import Checker
import Foundation
import Glibc
import PostgresClient
import RedisClient
import TestSupport
import Threads

// DESIGN
// A sale goes on at a slow rate while faults are brought about, then as fast as it can until every slot is held. A fault
// says what it did by `injure`: when it began, when it was mended, and the evidence that it really happened; without
// evidence the round proves nothing. Several faults may run at once on threads of their own, so everything here is
// safe to use from them.

/// One sale that is broken on purpose.
final class Sale: @unchecked Sendable {
  let ground: Ground
  let plan: Plan
  let deployment: Deployment
  /// When the plan has one.
  let replica: RedisReplica?
  let timeline = Timeline()
  private(set) var draws: [ServiceProcess] = []
  private(set) var workers: [ServiceProcess] = []
  /// More of both, which take part in the sale like the others and which no fault knows of.
  private(set) var spared: [ServiceProcess] = []
  /// Where this round's files are.
  private(set) var folder: String
  private let injuriesLock = Lock(Injuries())
  private let plantedLock = Lock<[Round.Planted]>([])
  private let belongings = Lock<[any Sendable]>([])
  private let proofs = Lock<[Proof]>([])
  private let leftOver = Lock<[String]>([])
  private let topicWriting = Lock(())
  private var crowd: Subprocess?
  /// See `Sale+told.swift`.
  let othersTold = Lock<[String]>([])

  /// Makes the deployment. Nothing of it runs before `start`.
  init(_ ground: Ground, _ plan: Plan, folder: String) throws {
    (self.ground, self.plan, self.folder) = (ground, plan, folder)
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try ground.reset()
    // Before the activity: a first replica is another replication id, and so a recovery.
    replica = plan.hasReplica ? try ground.stack.startRedisReplica() : nil
    deployment = try Deployment(ground, plan)
    for (index, settings) in plan.workers.enumerated() {
      workers.append(try service(.worker, index + 1, settings))
    }
    for (index, settings) in plan.draws.enumerated() {
      draws.append(try service(.draw, index + 1, settings))
    }
    for _ in 0..<plan.spared {
      spared.append(try service(.worker, workers.count + spared.count / 2 + 1, [:]))
      spared.append(try service(.draw, draws.count + spared.count / 2 + 1, [:]))
    }
  }

  /// Starts the services, and waits until they are ready.
  func start() throws {
    for service in services { try service.start() }
    for service in services { try service.awaitReady() }
  }

  /// The next sale on the same services: an activity and a folder of its own. What was planted stays, for its letters do.
  func renew(folder: String, closes: String) throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try deployment.renewActivity(stock: plan.stock, closes: closes)
    self.folder = folder
    injuriesLock.withLock { $0 = Injuries() }
    _ = takeProofs()
  }

  var services: [ServiceProcess] { draws + workers + spared }
  /// What was done to the pair; of several faults that were made one, that one.
  var injuries: [Round.Injury] { injuriesLock.withLock { $0.told } }
  var planted: [Round.Planted] { plantedLock.withLock { $0 } }

  private func service(
    _ kind: ServiceProcess.Kind, _ number: Int, _ settings: [String: String]
  ) throws -> ServiceProcess {
    let name = "\(kind == .draw ? "draw" : "worker")-\(number)"
    let settings = settings.mapValues { value in
      words(name).reduce(value) { $0.replacingOccurrences(of: $1.key, with: $1.value) }
    }
    return ServiceProcess(
      kind, number: number, launcher: kind == .draw ? plan.drawLauncher : plan.workerLauncher,
      environment: try deployment.environment(of: name, worker: kind == .worker, settings),
      timeline: timeline)
  }

  /// What stands for something in a plan's settings.
  private func words(_ name: String) -> [String: String] {
    var words = ["{folder}": folder, "{name}": name]
    if ground.kind == .single { words["{detour}"] = ground.stack.kafkaDetourBootstrap }
    return words
  }

  // MARK: The crowd

  func startCrowd(seed: UInt64) throws {
    let urls = services.filter { $0.kind == .draw }.flatMap {
      ["--url", "http://127.0.0.1:\($0.port)"]
    }
    timeline.note("crowd: begins")
    crowd = try Subprocess(
      builtProduct("Crowd"),
      urls + [
        "--activity", "\(deployment.activity)", "--users", "\(plan.stock + plan.stock / 5)",
        "--concurrency", "64", "--ask-twice", "0.1", "--give-back", "\(plan.giveBack)",
        "--requests-per-second", "\(plan.rate)", "--keep-back", "\(plan.kept)", "--until-held",
        "--ask-at-end",
        "--claim-deadline-ms", "\(Deployment.claimDeadlineMs)", "--timeout-ms", "5000",
        "--patience", "100000", "--deadline", "\(plan.limitS)", "--settle", "\(plan.settleS)",
        "--seed", "\(max(1, seed))", "--load-only", "--json",
        "--record", folder + "/told.jsonl", "--hurry-file", folder + "/hurry",
      ], environment: deployment.environment, diesWithUs: true)
  }

  /// Waits until so many slots are held in Redis.
  func sell(_ count: Int, within seconds: Double = 40) throws {
    let isSold = eventually(within: seconds, everyMs: 20) { ((try? held()) ?? 0) >= count }
    guard isSold else { throw TestSupportError("not sold: \(count) slots") }
  }

  /// Waits until so many more are held, or nearly all that is sold before the end.
  func sellMore(_ count: Int, within seconds: Double = 40) throws {
    var now: Int?
    // Redis may be away for the moment.
    _ = eventually(within: seconds, everyMs: 20) {
      now = try? held()
      return now != nil
    }
    guard let now else { throw TestSupportError("Redis does not tell how many slots are held") }
    try sell(min(plan.stock - plan.kept - 100, now + count), within: seconds)
  }

  /// Lets the crowd take the rest as fast as it can, and waits for its end.
  func finishCrowd() throws {
    timeline.note("crowd: hurries")
    try Data().write(to: URL(fileURLWithPath: folder + "/hurry"))
    guard let crowd else { throw TestSupportError("there is no crowd") }
    let status = try crowd.wait(within: Double(plan.limitS) + 60)
    timeline.note("crowd: \(status)")
    try crowd.output.write(toFile: folder + "/report.json", atomically: true, encoding: .utf8)
    if status == .exited(2) { throw TestSupportError("the crowd: \(crowd.tail)") }
    try mergeTold()
  }

  /// When the crowd's own clock began, on the monotonic clock.
  func toldFromUs() throws -> Int64 {
    struct Began: Decodable { let startedUs: Int64 }
    let report = try Data(contentsOf: URL(fileURLWithPath: folder + "/report.json"))
    return try JSONDecoder().decode(Began.self, from: report).startedUs
  }

  /// Where the checker reads.
  var places: Places {
    Places(
      redisPort: ground.redisPort, redisDatabase: 0, postgres: deployment.postgres,
      kafka: ground.stack.kafkaBootstrap, topic: deployment.topic,
      controlTopic: deployment.controlTopic, activities: [deployment.activity])
  }

  // MARK: Faults

  /// Does something to the pair, and notes when and with what evidence. `body` breaks, and mends what does not
  /// mend itself; it gives the evidence that the fault really happened, or nil when it cannot tell. Where it hits some
  /// instances and others go on, `services` (see `numbers`) and `partitions` say what has to be served again; none: all.
  func injure(
    _ name: String, back: Back, services: [Int] = [], partitions: [Int] = [],
    _ body: () throws -> String?
  ) throws {
    timeline.note("fault: \(name) begins")
    let startUs = nowUs()
    let evidence = try body()
    let healedUs = nowUs()
    timeline.note("fault: \(name) is over: \(evidence ?? "NOT SHOWN")")
    let (kind, withinMs): (String, Int)
    var (services, partitions) = (services, partitions)
    switch back {
    case .draws(let ms):
      (kind, withinMs) = ("draws", ms)
      if services.isEmpty { services = numbers(of: draws) }
    case .worker(let ms):
      (kind, withinMs) = ("worker", ms)
      if partitions.isEmpty { partitions = Array(0..<Deployment.partitions) }
    case .none: (kind, withinMs) = ("none", 0)
    }
    injuriesLock.withLock {
      $0.all.append(
        (
          Self.faultNow,
          Round.Injury(
            name: name, startUs: startUs, healedUs: healedUs, back: kind, backWithinMs: withinMs,
            evidence: evidence ?? "", isShown: evidence != nil, services: services,
            partitions: partitions)
        ))
    }
  }

  /// What the crowd's record calls those that are DrawServices.
  func numbers(of services: [ServiceProcess]) -> [Int] {
    let asked = self.services.filter { $0.kind == .draw }
    return services.compactMap { service in asked.firstIndex { $0 === service } }
  }

  /// The fault that this thread brings about, where a round has several.
  @TaskLocal static var faultNow: String?

  /// From now on all injuries count as one, which began then and is mended now; proofs of each still apply.
  func joinInjuries(startUs: Int64) {
    injuriesLock.withLock { $0.joined = (startUs, nowUs()) }
  }

  /// More evidence of an injury, which shows only when the crowd has ended: in its record, or in later log lines. Nil: the
  /// fault is not shown.
  func prove(_ injury: String, _ find: @escaping @Sendable () throws -> String?) {
    proofs.withLock { $0.append(Proof(fault: Self.faultNow, injury: injury, find: find)) }
  }

  /// Looks for it, once. Throws what a proof throws: a promise that was broken.
  func findProofs() throws {
    for proof in takeProofs() {
      let evidence = try proof.find()
      timeline.note("fault: \(proof.injury): \(evidence ?? "NOT SHOWN")")
      injuriesLock.withLock { $0.add(evidence, to: proof.injury, of: proof.fault) }
    }
  }

  private struct Proof: Sendable {
    let fault: String?
    let injury: String
    let find: @Sendable () throws -> String?
  }

  /// Proofs know the sale: kept, they would keep it and its servers for ever.
  private func takeProofs() -> [Proof] {
    proofs.withLock { proofs in
      defer { proofs = [] }
      return proofs
    }
  }

  /// Sets something back that a fault has set. What fails here leaves the servers as no other round may find them: it is a
  /// finding of this one.
  func setBack(_ what: String, _ body: () throws -> Void) {
    do {
      try body()
    } catch {
      timeline.note("not set back: \(what): \(error)")
      leftOver.withLock { $0.append("harness: not set back: \(what): \(error)") }
    }
  }

  /// What could not be set back, in words.
  func takeLeftOver() -> [String] {
    leftOver.withLock { leftOver in
      defer { leftOver = [] }
      return leftOver
    }
  }

  /// Lets only one at a time write records of its own into the topic and say which they are.
  func whileWritingTopic<Result>(_ body: () throws -> Result) rethrows -> Result {
    try topicWriting.withLock { _ in try body() }
  }

  /// A dead letter that a fault has caused on purpose.
  func plant(partition: Int, offset: Int, reason: String) {
    plantedLock.withLock {
      $0.append(Round.Planted(partition: partition, offset: offset, reason: reason))
    }
  }

  /// Something that a fault needs to the end of the sale, and that goes with it.
  func keep(_ thing: any Sendable) { belongings.withLock { $0.append(thing) } }

  // MARK: Looking

  /// Slots held in Redis, asked past every proxy.
  func held() throws -> Int {
    Int(try redis([RedisCommand("HLEN", "\(stockKey):locks")])[0].int ?? 0)
  }

  var stockKey: String { "stock:{\(deployment.activity)}" }

  func redis(_ commands: [RedisCommand]) throws -> [RedisReply] {
    try RedisConnection(RedisEndpoint(port: ground.redisPort)).pipeline(commands)
  }

  /// The first column, text, of what Postgres answers, past every proxy.
  @discardableResult
  func query(_ sql: String) throws -> [String] {
    let connection = try postgresConnection()
    defer { connection.close() }
    let result = try connection.execute(sql)
    return (0..<result.rowCount).map { result.optionalText($0, 0) ?? "" }
  }

  /// Waits until nothing is on its way any more: outbox empty, nothing releasing, every held slot a row.
  func awaitRest() throws {
    let seconds = Double(plan.settleS + 10)
    let isThere = eventually(within: seconds, everyMs: 50) { (try? isAtRest()) ?? false }
    timeline.note(isThere ? "at rest" : "NOT at rest after \(seconds) s")
  }

  private func isAtRest() throws -> Bool {
    let replies = try redis([
      RedisCommand("XLEN", "\(stockKey):outbox"), RedisCommand("HLEN", "\(stockKey):locks"),
      RedisCommand("HVALS", "\(stockKey):locks"),
    ])
    let locks = replies[2].elements ?? []
    guard replies[0].int == 0, let held = replies[1].int,
      !locks.contains(where: { $0.text?.hasSuffix(" r") ?? false })
    else { return false }
    let rows = try query(
      "SELECT count(*)::text FROM claim WHERE state = 'claimed' AND activity = \(deployment.activity)"
    )
    return rows[0] == "\(held)"
  }

  /// Ends whatever still runs, at once, and lets go of what the faults have left here.
  func kill() {
    endCrowd()
    for service in services where service.isRunning { service.process.signal(SIGKILL) }
    _ = takeProofs()
    let things = belongings.withLock { things in
      defer { things = [] }
      return things
    }
    withExtendedLifetime(things) {}
  }

  /// Of a sale that failed.
  func endCrowd() { crowd?.signal(SIGKILL) }

  /// Ends the services in good order; those that do not are said.
  func end() throws {
    let running = services.filter(\.isRunning)
    for service in running {
      service.process.signal(SIGCONT)
      try service.signal(SIGTERM)
    }
    for service in running { try service.awaitEnd() }
  }
}
