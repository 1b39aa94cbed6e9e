internal import RedisClient
internal import Stock
internal import StockRecords

/// The scripts of `Scripts/`, embedded in the executable, with the calls to them. Each file's head is the contract.
struct StockScripts: Sendable {
  let claim = Self.script("claim", PackageResources.claim_lua)
  let release = Self.script("release", PackageResources.release_lua)
  let acknowledge = Self.script("acknowledge", PackageResources.acknowledge_lua)
  let look = Self.script("look", PackageResources.look_lua)

  var all: [RedisScript] { [claim, release, acknowledge, look] }

  /// What they share stands before each of them.
  private static func script(_ name: String, _ source: [UInt8]) -> RedisScript {
    RedisScript(name: name, source: PackageResources.prologue_lua + RecordsScript.source + source)
  }
}

/// What every call carries besides its items.
struct CallBounds: Sendable {
  /// Redis time after which the script refuses, so that a batch that was stalled on its way claims nothing late.
  let notAfterMs: Int64
  /// The highest epoch that this instance has seen.
  let epochSeen: Int64
  let slideLimit: Int
  let outboxCap: Int
}

extension StockScripts {
  func claim(_ activity: ActivityID, _ requests: [DrawRequest], _ bounds: CallBounds)
    -> RedisCommand
  {
    var command = RedisCommand.script(claim, keys: RedisKeys(activity).all)
    command.append(activity.value)
    command.append(bounds.notAfterMs)
    command.append(bounds.epochSeen)
    command.append(Int64(bounds.slideLimit))
    command.append(Int64(bounds.outboxCap))
    for request in requests {
      command.append(request.user)
      command.append(request.request)
      command.append(request.operation == .claim(isKeyed: true) ? "k" : "a")
    }
    return command
  }

  func release(_ activity: ActivityID, _ requests: [DrawRequest], _ bounds: CallBounds)
    -> RedisCommand
  {
    var command = RedisCommand.script(release, keys: RedisKeys(activity).all)
    command.append(activity.value)
    command.append(bounds.notAfterMs)
    command.append(bounds.epochSeen)
    command.append(Int64(bounds.outboxCap))
    for request in requests {
      command.append(request.user)
      command.append(request.request)
    }
    return command
  }

  func look(_ activity: ActivityID, _ requests: [DrawRequest], epochSeen: Int64) -> RedisCommand {
    var command = RedisCommand.script(look, keys: RedisKeys(activity).all)
    command.append(activity.value)
    command.append(epochSeen)
    for request in requests where request.operation == .look {
      command.append(request.user)
      command.append(request.request)
    }
    return command
  }

  /// A look that is about no activity: the scripts judge it by the server's own fence.
  func lookAtServer(epochSeen: Int64) -> RedisCommand {
    let nobody = "0"  // no activity's id
    let stock = "stock:{\(nobody)}"
    var command = RedisCommand.script(
      look,
      keys: [RedisKeys.fence, RedisKeys.activities, stock]
        + ["locks", "users", "free", "outbox"].map { "\(stock):\($0)" })
    command.append(nobody)
    command.append(epochSeen)
    return command
  }

  func acknowledge(
    _ activity: ActivityID, entries: [(lastSeq: Int64, epoch: Int64)], epochSeen: Int64
  ) -> RedisCommand {
    var command = RedisCommand.script(acknowledge, keys: RedisKeys(activity).all)
    command.append(activity.value)
    command.append(epochSeen)
    for (lastSeq, epoch) in entries {
      command.append(lastSeq)
      command.append(epoch)
    }
    return command
  }
}
