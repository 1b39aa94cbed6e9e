import Foundation
import TestSupport

/// SIGKILL of a DrawService, which is then started again.
let drawKills =
  [
    Fault(row: 1, name: "draw-killed", breaks: [.draws]) { sale, random in
      try killDraw(sale, &random)
    }
  ]
  + [
    ("script", "before the script", false), ("produce", "after the script, before produce", true),
    ("report", "before the delivery report", true),
    ("acknowledge", "before the outbox entry is deleted", true),
  ].map { step, place, leavesEntries in
    Fault(row: 1, name: "draw-killed-before-\(step)", breaks: [.draws]) { sale, random in
      try killDraw(sale, &random, at: (step, place), leavesEntries: leavesEntries)
    }
  }

/// Start of the process, topics, lease (`lease.heartbeat-ms`); the other instance serves all the time, which does not count.
private let drawBackMs = 10_000

private func killDraw(
  _ sale: Sale, _ random: inout Seeded, at step: (name: String, place: String)? = nil,
  leavesEntries: Bool = false
) throws {
  let draw = sale.draws.randomElement(using: &random)!
  let hold = step.map { Hold($0.name, $0.place, of: draw, in: sale) }
  try hold?.prepare(draw)
  try sale.sell(.random(in: 50...300, using: &random))
  let name = "SIGKILL of \(draw.name), " + (step?.place ?? "at any moment")
  var left: Set<Int> = []
  let services = sale.numbers(of: [draw])
  try sale.injure(name, back: .draws(withinMs: drawBackMs), services: services) {
    try hold?.take(draw)
    let death = try draw.kill()
    left = try sale.outbox()
    try draw.start()
    return death + (hold.map { ", held before \($0.step)" } ?? "")
  }
  sale.prove(name) { [left] in
    // Others' entries of that moment are acknowledged at once; the killed one's wait for a relay.
    let relayed = Set(
      sale.draws.flatMap { $0.events("relayed") }.compactMap { ($0["seq"] as? NSNumber)?.intValue })
    let count = left.intersection(relayed).count
    return leavesEntries && count == 0 ? nil : "\(count) outbox entries left and relayed"
  }
  try draw.awaitReady()
  try sale.sellMore(100)
}
