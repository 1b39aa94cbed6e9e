import TestSupport

/// A replica takes over that lags, and one DrawService goes on with the old primary.
let redisFailoverFaults = [
  Fault(
    row: 7, name: "redis-failover",
    plan: Plan(hasReplica: true), breaks: [.redis],
    isCombinable: false
  ) { sale, random in
    guard let replica = sale.replica else { throw TestSupportError("the sale has no replica") }
    let old = sale.ground.redisPort
    let left = sale.draws.randomElement(using: &random)!
    try sale.sell(Int.random(in: 100...300, using: &random))
    replica.holdReplication()
    try sale.sellMore(Int.random(in: 30...200, using: &random))
    var promoted = 0
    try sale.injure("failover", back: .draws(withinMs: recoveredWithinMs)) {
      promoted = try sale.seq()
      let missing = try replica.promote()
      sale.ground.redisPort = replica.port
      for (name, link) in sale.deployment.redisLinks where name != left.name {
        link.redirect(to: replica.port)
        link.cut()
      }
      let taken = try sale.seq()
      return missing > 0 && taken < promoted
        ? "the new primary misses \(missing) bytes, is at seq \(taken), the old one at \(promoted)"
        : nil
    }
    try sale.injure("the old primary serves on", back: .draws(withinMs: recoveredWithinMs)) {
      let isFenced = eventually(within: 20, everyMs: 20) { !left.events("fenced").isEmpty }
      let end = try sale.seq(port: old)
      let link = sale.deployment.redisLinks[left.name]
      // Nobody cuts what it has: it goes by itself to where its Redis is now.
      link?.redirect(to: replica.port)
      try left.awaitReady()
      return isFenced && end > promoted
        ? "\(left.name) stayed; \(end - promoted) events on the old primary after the promotion, then it was fenced"
        : nil
    }
  }
]
