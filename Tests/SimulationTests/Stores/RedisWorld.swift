import RedisClient

@testable import ScriptModel

/// All Redis servers of a run, the deposed and the dead ones too.
struct RedisWorld {
  var servers: [RedisServer] = []
  var primary = 0
  private var identities = 0

  init(_ setup: Setup) {
    addServer(ServerModel(identity: "", activities: setup.activities), clockMs: 0)
  }

  mutating func newIdentity() -> String {
    identities += 1
    return "run\(identities):repl"
  }

  /// A server with these data, which is the primary from now on.
  mutating func addServer(_ data: ServerModel, clockMs: Int64) {
    servers.append(RedisServer(data: data, clockMs: clockMs))
    servers[servers.count - 1].data.identity = newIdentity()
    primary = servers.count - 1
  }
}

struct RedisServer {
  var data: ServerModel
  var isUp = true
  /// Answers nothing until then.
  var isStalledUntilUs: Int64 = 0
  /// What its file or replica has at moments of the past, the latest last.
  var copies: [ServerModel] = []
  var connections: [Connection] = []
  /// What its clock is ahead.
  let clockMs: Int64

  init(data: ServerModel, clockMs: Int64) {
    self.data = data
    self.clockMs = clockMs
  }
}

/// A connection: to one server for as long as it lives, whatever that server is by then.
final class Connection {
  let server: Int
  /// As INFO said when it was made.
  let identity: String
  fileprivate(set) var isOpen = true
  fileprivate var lastArrivalUs: Int64 = 0
  fileprivate var waiting: [Pipeline] = []

  init(server: Int, identity: String) {
    self.server = server
    self.identity = identity
  }
}

private final class Pipeline {
  var isDone = false
  let owner: Process
  private let life: Int
  let reply: ([RedisReply]?) -> Void

  init(owner: Process, reply: @escaping ([RedisReply]?) -> Void) {
    self.owner = owner
    life = owner.life
    self.reply = reply
  }

  func finish(_ replies: [RedisReply]?) {
    if isDone { return }
    isDone = true
    if owner.life == life { reply(replies) }
  }
}

extension World {
  /// nil when nobody answers. New connections go to the primary; a stale address leads to a deposed one that still serves.
  func connect(_ owner: Process, _ done: @escaping (Connection?) -> Void) {
    after(us: between(300, 3_000), owner) { [unowned self] in
      var server = redis.primary
      if redis.servers.count > 1, fault(60) { server = pick(redis.servers.count) }
      let target = redis.servers[server]
      if !target.isUp || target.isStalledUntilUs > nowUs { return done(nil) }
      let connection = Connection(server: server, identity: target.data.identity)
      redis.servers[server].connections.removeAll { !$0.isOpen }
      redis.servers[server].connections.append(connection)
      done(connection)
    }
  }

  /// Sends work and waits for the replies of all of it, nil when the outcome is not known. The connection is closed then.
  func send(
    _ connection: Connection, _ owner: Process, _ execute: @escaping () -> [RedisReply],
    _ reply: @escaping ([RedisReply]?) -> Void
  ) {
    let pipeline = Pipeline(owner: owner, reply: reply)
    guard connection.isOpen else {
      return after(us: 100, owner) { pipeline.finish(nil) }
    }
    connection.waiting.removeAll { $0.isDone }
    connection.waiting.append(pipeline)
    after(ms: setup.commandTimeoutMs, owner) { [unowned self] in
      if pipeline.isDone { return }
      close(connection)
    }
    var arrives = nowUs + between(50, 1_500)
    let isTroubled = fault(setup.redisTrouble)
    let fate = isTroubled ? pick(3) : 3
    if fate == 0 { return met(.commandLost) }
    if fate == 1 {
      met(.commandLate)
      arrives += between(100_000, 4_000_000)
    }
    arrive(
      pipeline, connection, at: max(arrives, connection.lastArrivalUs + 1), isReplyLost: fate == 2,
      execute)
  }

  private func arrive(
    _ pipeline: Pipeline, _ connection: Connection, at moment: Int64, isReplyLost: Bool,
    _ execute: @escaping () -> [RedisReply]
  ) {
    connection.lastArrivalUs = moment
    after(us: moment - nowUs) { [unowned self] in
      let server = redis.servers[connection.server]
      if !server.isUp { return }
      if server.isStalledUntilUs > nowUs {
        return arrive(
          pipeline, connection, at: server.isStalledUntilUs + 1, isReplyLost: isReplyLost, execute)
      }
      if pipeline.isDone { met(.executedLate) }
      let replies = execute()
      if isReplyLost { return met(.replyLost) }
      after(us: between(50, 1_500), pipeline.owner) {
        if connection.isOpen { pipeline.finish(replies) }
      }
    }
  }

  /// Closed by the client or by the server: what was sent may still be carried out.
  func close(_ connection: Connection) {
    if !connection.isOpen { return }
    connection.isOpen = false
    for pipeline in connection.waiting where !pipeline.isDone {
      after(us: between(10, 500), pipeline.owner) { pipeline.finish(nil) }
    }
    connection.waiting = []
  }

  func redisMs(_ server: Int) -> Int64 { nowMs + redis.servers[server].clockMs }

  /// Keeps a copy now and then before a write: where a replica or a file may have stopped.
  func keepCopy(_ server: Int) {
    if isQuiet || !chance(300) { return }
    redis.servers[server].copies.append(redis.servers[server].data)
    if redis.servers[server].copies.count > 5 { redis.servers[server].copies.removeFirst() }
  }
}
