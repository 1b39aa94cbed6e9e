import Glibc
import TestSupport

// DESIGN
// Each fault befalls the way to Redis of one DrawService, of all of them, or of all services. What a lost, late or cut reply
// answered was executed: the claims are there, and whoever asked was told nothing or "pending".

/// Redis executes, and its replies get lost or come late, in pieces, in part.
let linkFaults = [
  Fault(row: 10, name: "replies-lost", breaks: [.redis]) { sale, random in
    try breakLinks("replies lost", sale, &random) { links, random in
      let before = links.sum(\.repliesLost)
      try oneByOne(links, Int.random(in: 3...20, using: &random), \.repliesLost) {
        $0.loseReplies(of: .one)
      }
      let lost = links.sum(\.repliesLost) - before
      return lost > 0 ? "\(lost) replies lost" : nil
    }
  },
  Fault(row: 10, name: "replies-late", breaks: [.redis]) { sale, random in
    try breakLinks("replies late", sale, &random) { links, random in
      let late = Int.random(in: 1_050...2_000, using: &random)
      let ms = Int.random(in: 1_000...3_000, using: &random)
      let before = links.sum(\.heldBack.toClient)
      for link in links { link.delay(ms: late, [.toClient]) }
      Timing.last(ms: ms)
      for link in links { link.pass() }
      let bytes = links.sum(\.heldBack.toClient) - before
      return bytes > 0 ? "\(bytes) bytes \(late) ms late, for \(ms) ms; the limit is 1,000" : nil
    }
  },
  Fault(row: 10, name: "replies-in-slices", breaks: [.redis]) { sale, random in
    try breakLinks("replies in 1-byte slices", sale, &random) { links, random in
      let ms = Int.random(in: 500...3_000, using: &random)
      let pauseMs = Int.random(in: 0...2, using: &random)
      let before = links.sum(\.slices.toClient)
      for link in links { link.slice(bytes: 1, pauseMs: pauseMs, [.toClient]) }
      Timing.last(ms: ms)
      for link in links { link.pass() }
      let slices = links.sum(\.slices.toClient) - before
      return slices > 0 ? "\(slices) slices, \(pauseMs) ms apart" : nil
    }
  },
  Fault(row: 10, name: "redis-connection-reset", breaks: [.redis]) { sale, random in
    try breakLinks("connections reset", sale, &random) { links, random in
      let before = links.sum(\.resets)
      for _ in 1...Int.random(in: 3...15, using: &random) {
        for link in links { link.reset() }
        usleep(UInt32.random(in: 1_000...200_000, using: &random))
      }
      let resets = links.sum(\.resets) - before
      return resets > 0 ? "\(resets) connections" : nil
    }
  },
  Fault(row: 10, name: "replies-cut", breaks: [.redis]) { sale, random in
    try breakLinks("replies cut", sale, &random) { links, random in
      let before = links.sum(\.repliesCut)
      let ending = Bool.random(using: &random) ? RedirectingProxy.Ending.end : .reset
      // More than the answers that a new connection begins with, as a rule, so that the cut is in those to claims.
      let bytes = Int.random(in: 1...600, using: &random)
      try oneByOne(links, Int.random(in: 3...20, using: &random), \.repliesCut) {
        $0.cutReplies(of: .one, afterBytes: bytes, ending)
      }
      let cut = links.sum(\.repliesCut) - before
      return cut > 0 ? "\(cut) connections ended (\(ending)) after \(bytes) bytes" : nil
    }
  },
]

private typealias Counter = KeyPath<RedirectingProxy.Counters, Int>

private func breakLinks(
  _ name: String, _ sale: Sale, _ random: inout Seeded,
  _ body: ([RedirectingProxy], inout Seeded) throws -> String?
) throws {
  try sale.sell(Int.random(in: 100...400, using: &random))
  let all = sale.deployment.redisLinks.sorted { $0.key < $1.key }
  let draws = all.filter { $0.key.hasPrefix("draw") }
  let chosen =
    switch Int.random(in: 0...2, using: &random) {
    case 0: [draws.randomElement(using: &random)!]
    case 1: draws
    default: all
    }
  let links = chosen.map(\.value)
  let hit = sale.draws.filter { draw in chosen.contains { $0.key == draw.name } }
  let services = sale.numbers(of: hit)
  try sale.injure(name, back: .draws(withinMs: 10_000), services: services) {
    defer { for link in links { link.pass() } }
    let evidence = try body(links, &random)
    return evidence.map { "\($0), to \(chosen.map(\.key).joined(separator: " "))" }
  }
}

/// So many times on each link, one connection at a time: the next is hit when the one before was, so that there is
/// service in between.
private func oneByOne(
  _ links: [RedirectingProxy], _ times: Int, _ counter: Counter,
  _ hit: (RedirectingProxy) -> Void
) throws {
  for _ in 1...times {
    let before = links.map { $0.counters[keyPath: counter] }
    for link in links { hit(link) }
    // A link that nobody uses at the moment is left.
    _ = eventually(within: 2, everyMs: 5) {
      zip(links, before).allSatisfy { $0.counters[keyPath: counter] > $1 }
    }
  }
}

extension [RedirectingProxy] {
  fileprivate func sum(_ counter: Counter) -> Int {
    reduce(0) { $0 + $1.counters[keyPath: counter] }
  }
}
