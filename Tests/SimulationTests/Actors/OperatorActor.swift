import Protections

@testable import ScriptModel

/// Somebody who runs `activity create`, step by step; each step may be late.
final class OperatorActor {
  unowned let world: World
  private let activity: Int
  private let process: Process
  /// Longest time between two steps.
  private let slownessMs: Int64
  private var connection: Connection?

  init(_ world: World, activity: Int, slownessMs: Int64) {
    self.world = world
    self.activity = activity
    self.slownessMs = slownessMs
    process = Process("operator", clockStartMs: 0, driftPpm: 0)
  }

  private var place: Int { activity - 1 }
  private var terms: StockTerms {
    StockTerms(total: world.setup.slots[place], limit: world.setup.limits[place])
  }

  private func step(_ body: @escaping () -> Void) {
    world.after(ms: world.between(0, slownessMs), process, body)
  }

  /// What read_preheat.sql gives, and whether the row was still being prepared.
  struct Terms {
    let isPreparing: Bool
    let epoch: Int64
    let mayBootstrap: Bool
  }

  func readTerms() -> Terms {
    let isPreparing = world.tables.activities[place].state == "preparing"
    let terms = Terms(
      isPreparing: isPreparing, epoch: world.tables.epoch,
      mayBootstrap: isPreparing && !world.tables.isFenceGiven)
    if isPreparing { world.tables.isFenceGiven = true }
    return terms
  }

  /// `early`: what it read long ago.
  func create(_ early: Terms? = nil) {
    step { [unowned self] in
      let terms = early ?? readTerms()
      if terms.isPreparing || !Protection.preheatWhilePreparing.isOn {
        preheat(terms.epoch, terms.mayBootstrap || !Protection.preheatWhilePreparing.isOn)
      } else {
        tell(terms.epoch)
      }
    }
  }

  private func preheat(_ epoch: Int64, _ mayBootstrap: Bool) {
    onServer { [unowned self] server in
      server.data.preheat(activity, terms, epoch: epoch, mayBootstrap: mayBootstrap)
    } then: { [unowned self] answer in
      guard answer.word == "created" || answer.word == "identical" else { return }
      step { [unowned self] in
        if world.tables.epoch == epoch, world.tables.activities[place].state == "preparing" {
          world.tables.activities[place].state = "open"
          world.say("activity \(activity) is open in Postgres")
        }
        if world.tables.epoch != epoch || world.tables.activities[place].state != "open" { return }
        tell(epoch)
      }
    }
  }

  private func tell(_ epoch: Int64) {
    onServer { [unowned self] server in
      server.data.open(activity, epoch: epoch)
    } then: { _ in
    }
  }

  private func onServer(
    _ body: @escaping (inout RedisServer) -> ServerAnswer,
    then: @escaping (ServerAnswer) -> Void
  ) {
    step { [unowned self] in
      world.connect(process) { [unowned self] connection in
        guard let connection else { return }
        self.connection = connection
        var answer: ServerAnswer?
        world.send(connection, process) { [unowned self] in
          answer = body(&world.redis.servers[connection.server])
          world.say("operator: \(answer!.word) \(answer!.detail)")
          return []
        } _: { replies in
          if replies != nil { then(answer!) }
        }
      }
    }
  }
}
