import Protections

@testable import RedisClient
@testable import ScriptModel

extension World {
  /// Carries out a DrawService's command on the model of the scripts.
  func execute(_ command: RedisCommand, on connection: Connection) -> RedisReply {
    let server = connection.server
    let arguments = Arguments(command)
    let activity = Int(arguments.number(0))
    var model = redis.servers[server].data.stock(activity)
    if !Protection.identityInScript.isOn { model.identity = connection.identity }
    let nowMs = redisMs(server)
    let reply: [RedisReply]
    switch command.script!.name {
    case "claim":
      keepCopy(server)
      reply = model.claim(nowMs: nowMs, ClaimCall(arguments))
    case "release":
      keepCopy(server)
      reply = model.release(nowMs: nowMs, ReleaseCall(arguments))
    case "acknowledge":
      keepCopy(server)
      reply = model.acknowledge(
        nowMs: nowMs, epochSeen: arguments.number(1),
        entries: stride(from: 2, to: arguments.count, by: 2).map {
          (lastSeq: arguments.number($0), epoch: arguments.number($0 + 1))
        })
    case "look":
      reply = model.look(
        nowMs: nowMs, epochSeen: arguments.number(1),
        requests: stride(from: 2, to: arguments.count, by: 2).map {
          (user: arguments.text($0), request: arguments.text($0 + 1))
        })
    default: fatalError("no script \(command.script!.name)")
    }
    countHits(&model)
    say("R\(server + 1): \(command.script!.name) \(arguments) -> \(plain(reply))")
    if model.isListed { redis.servers[server].data.stocks[activity - 1] = model }
    return .array(reply)
  }

  private func countHits(_ model: inout ScriptModel) {
    for (branch, count) in model.hits { metBranch(branch, count) }
    model.hits = [:]
  }

  private func plain(_ replies: [RedisReply]) -> String {
    replies.map { $0.int.map(String.init) ?? $0.text ?? "\($0)" }.joined(separator: " ")
  }
}

/// A script call's ARGV, as the command carries them.
struct Arguments: CustomStringConvertible {
  private let command: RedisCommand
  private let first: Int

  init(_ command: RedisCommand) {
    self.command = command
    let keys = Int(
      String(decoding: command.bytes[command.ends[1]..<command.ends[2]], as: UTF8.self))!
    first = 3 + keys
  }

  var count: Int { command.ends.count - first }

  func text(_ place: Int) -> String {
    String(
      decoding: command.bytes[command.ends[first + place - 1]..<command.ends[first + place]],
      as: UTF8.self)
  }

  func number(_ place: Int) -> Int64 {
    var value: Int64 = 0
    for byte in command.bytes[command.ends[first + place - 1]..<command.ends[first + place]] {
      guard (48...57).contains(byte) else { return Int64(text(place))! }
      value = value * 10 + Int64(byte - 48)
    }
    return value
  }

  var description: String { (0..<count).map(text).joined(separator: " ") }
}

extension ClaimCall {
  init(_ arguments: Arguments) {
    self.init(
      notAfterMs: arguments.number(1), epochSeen: arguments.number(2),
      slideLimit: Int(arguments.number(3)), outboxCap: Int(arguments.number(4)),
      claims: stride(from: 5, to: arguments.count, by: 3).map {
        (
          user: arguments.text($0), request: arguments.text($0 + 1),
          isKeyed: arguments.text($0 + 2) == "k"
        )
      })
  }
}

extension ReleaseCall {
  init(_ arguments: Arguments) {
    self.init(
      notAfterMs: arguments.number(1), epochSeen: arguments.number(2),
      outboxCap: Int(arguments.number(3)),
      requests: stride(from: 4, to: arguments.count, by: 2).map {
        (user: arguments.text($0), request: arguments.text($0 + 1))
      })
  }
}
