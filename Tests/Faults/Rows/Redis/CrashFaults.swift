import Glibc
import TestSupport

/// How soon draws are served again after a recovery: the wait for leases and the margin (2.2 s in a round), the check,
/// and the time that services and servers need on a busy machine.
let recoveredWithinMs = 20_000

/// Redis ends and comes back with its files.
let redisCrashFaults = ["everysec", "always"].map { policy in
  Fault(row: 4, name: "redis-crash-\(policy)", breaks: [.redis]) { sale, random in
    let stack = sale.ground.stack
    try stack.redis("config", "set", "appendfsync", policy)
    defer { sale.resetRedis() }
    try sale.sell(Int.random(in: 100...400, using: &random))
    let downMs = Int.random(in: 0...3_000, using: &random)
    try sale.injure("Redis killed, \(policy)", back: .draws(withinMs: recoveredWithinMs)) {
      let isSet = try stack.redis("config", "get", "appendfsync").hasSuffix(policy)
      let (pid, server, before) = (
        stack.pid(.redis), try sale.redisInfo("server")["run_id"], try sale.held()
      )
      try stack.kill(.redis)
      Timing.last(ms: downMs)
      try stack.restart(.redis)
      let (other, after) = (try sale.redisInfo("server")["run_id"], try sale.held())
      return isSet && server != other && after > 0
        ? "process \(pid) ended by signal 9, down \(downMs) ms; \(before) locks before, \(after) after"
        : nil
    }
  }
}

/// Redis comes back with less than it had told.
let redisRestoreFaults = [
  Fault(
    row: 5, name: "redis-older-file", breaks: [.redis]
  ) { sale, random in
    try sale.sell(Int.random(in: 50...200, using: &random))
    let copy = try sale.ground.stack.copyRedisData()
    try sale.sellMore(Int.random(in: 50...300, using: &random))
    try sale.injure("Redis from an older file", back: .draws(withinMs: recoveredWithinMs)) {
      let before = try sale.seq()
      try sale.ground.stack.startRedis(from: copy)
      let after = try sale.seq()
      return after < before ? "seq \(before) before, \(after) after" : nil
    }
  },
  // As after a power loss: the last writes never reached the disk, the last of them only in part.
  Fault(
    row: 5, name: "redis-tail-cut", breaks: [.redis]
  ) { sale, random in
    let stack = sale.ground.stack
    try sale.sell(Int.random(in: 100...300, using: &random))
    let mark = try stack.markRedisAOF()
    // What `everysec` may lose is up to about two seconds.
    try sale.sellMore(Int.random(in: 20...300, using: &random))
    let torn = Int.random(in: 0...60, using: &random)
    try sale.injure("Redis without the tail", back: .draws(withinMs: recoveredWithinMs)) {
      let before = try sale.seq()
      let lost = try stack.powerOffRedis(keeping: mark, tornBytes: torn)
      let after = try sale.seq()
      return lost > 0 && after < before
        ? "\(lost) bytes lost, \(torn) of them torn; seq \(before) before, \(after) after" : nil
    }
  },
]
