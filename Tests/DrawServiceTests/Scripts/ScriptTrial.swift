import RedisClient
import StockRecords
import TestSupport

@testable import ScriptModel

/// Plays random operations on the scripts in a real Redis and on the model, and compares every answer and
/// everything that Redis holds after each.
final class ScriptTrial {
  /// Where the two went apart.
  struct Divergence: Error, CustomStringConvertible {
    let description: String
  }

  let activity = "100001"
  let keys =
    ["stock:fence", "stock:activities", "stock:{100001}"]
    + ["locks", "users", "free", "outbox"].map { "stock:{100001}:\($0)" }

  let connection: RedisConnection
  /// Who the server is.
  let identity: String
  private let scripts: [String: RedisScript]
  var random: Seeded
  var model = ScriptModel()
  /// Who draws from the activity of now.
  var users: [String] = []
  private var history: [String] = []

  /// `scripts` by name: claim, release, acknowledge, look. The connection's database is this trial's alone.
  init(_ connection: RedisConnection, scripts: [String: RedisScript], seed: UInt64) throws {
    self.connection = connection
    identity = try connection.serverIdentity()
    self.scripts = scripts
    random = Seeded(seed)
  }

  /// Runs `steps` operations, a new activity every now and then; throws the first divergence.
  func run(steps: Int) throws {
    var nextWorld = 0
    for step in 0..<steps {
      if step == nextWorld {
        try beginWorld()
        nextWorld += random.pick([20, 40, 40, 100])
      }
      history = [String(describing: step)]
      try playStep()
    }
  }

  // MARK: An operation on both

  func claim(_ call: ClaimCall) throws {
    var command = RedisCommand.script(scripts["claim"]!, keys: keys, arguments: [activity])
    for number in [call.notAfterMs, call.epochSeen, Int64(call.slideLimit), Int64(call.outboxCap)] {
      command.append(number)
    }
    for claim in call.claims {
      command.append(claim.user)
      command.append(claim.request)
      command.append(claim.isKeyed ? "k" : "a")
    }
    try play("\(call)", command) { model, nowMs in model.claim(nowMs: nowMs, call) }
  }

  func release(_ call: ReleaseCall) throws {
    var command = RedisCommand.script(scripts["release"]!, keys: keys, arguments: [activity])
    for number in [call.notAfterMs, call.epochSeen, Int64(call.outboxCap)] {
      command.append(number)
    }
    for (user, request) in call.requests {
      command.append(user)
      command.append(request)
    }
    try play("\(call)", command) { model, nowMs in model.release(nowMs: nowMs, call) }
  }

  func acknowledge(_ entries: [(lastSeq: Int64, epoch: Int64)], epochSeen: Int64) throws {
    var command = RedisCommand.script(scripts["acknowledge"]!, keys: keys, arguments: [activity])
    command.append(epochSeen)
    for (lastSeq, epoch) in entries {
      command.append(lastSeq)
      command.append(epoch)
    }
    try play("acknowledge \(entries)", command) { model, nowMs in
      model.acknowledge(nowMs: nowMs, epochSeen: epochSeen, entries: entries)
    }
  }

  func look(_ requests: [(user: String, request: String)], epochSeen: Int64) throws {
    var command = RedisCommand.script(scripts["look"]!, keys: keys, arguments: [activity])
    command.append(epochSeen)
    for (user, request) in requests {
      command.append(user)
      command.append(request)
    }
    try play("look \(requests)", command) { model, nowMs in
      model.look(nowMs: nowMs, epochSeen: epochSeen, requests: requests)
    }
  }

  /// Changes Redis behind the scripts' back, and the model with it.
  func tamper(_ commands: [RedisCommand], _ change: (inout ScriptModel) -> Void) throws {
    for (command, reply) in zip(commands, try connection.pipeline(commands)) {
      if let error = reply.error { throw Divergence(description: "\(command): \(error)") }
    }
    change(&model)
  }

  private func play(
    _ name: String, _ command: RedisCommand,
    _ expect: (inout ScriptModel, Int64) -> [RedisReply]
  ) throws {
    history.append(name)
    let replies = try connection.pipeline([command] + StockState.commands(keys, activity))
    guard let elements = replies[0].elements, elements.count >= 6, let nowMs = elements[1].int
    else { throw divergence("the script answered \(replies[0])") }
    let expected = expect(&model, nowMs)
    if elements != expected {
      throw divergence("reply: \(plain(elements))\n  expected: \(plain(expected))")
    }
    let found = StockState(replies: replies.dropFirst())
    let wanted = StockState(model)
    if found != wanted { throw divergence(found.difference(from: wanted)) }
  }

  private func divergence(_ what: String) -> Divergence {
    Divergence(description: "step \(history.joined(separator: ": "))\n\(what)")
  }

  private func plain(_ replies: [RedisReply]) -> String {
    replies.map { $0.int.map(String.init) ?? $0.text ?? "\($0)" }.joined(separator: " ")
  }
}

extension RedisConnection {
  /// As a fence names this server.
  func serverIdentity() throws -> String {
    let reply = try pipeline([ServerIdentity.command])[0]
    guard let identity = ServerIdentity(reply) else {
      throw TestSupportError("no identity: \(reply)")
    }
    return identity.description
  }
}

extension Seeded {
  mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }

  mutating func pick<Element>(_ choices: [Element]) -> Element {
    choices.randomElement(using: &self)!
  }
}
