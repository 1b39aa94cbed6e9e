import Foundation
import TestSupport

/// A machine that runs out of something.
let resourceFaults = [
  Fault(
    row: 26, name: "log-disk-full",
    plan: Plan(rate: 150, drawLauncher: onLogDisk, workerLauncher: onLogDisk),
    breaks: [.draws, .workers], isCombinable: false
  ) { sale, random in
    let disk = try LogDisk(kilobytes: 2_048)
    sale.keep(disk)
    for service in sale.services {
      try service.terminate()
      try service.start(["FAULTS_LOG_DISK": disk.path])
      try service.awaitReady()
    }
    try sale.sellMore(Int.random(in: 50...200, using: &random))
    let more = Int.random(in: 100...250, using: &random)
    let (services, partitions) = (sale.numbers(of: sale.draws), Array(0..<Deployment.partitions))
    // Nothing is interrupted; nobody may have been left behind either.
    try sale.injure(
      "disk full under the logs", back: .draws(withinMs: 5_000), services: services,
      partitions: partitions
    ) {
      let files = sale.services.map(\.process.outputPath)
      try disk.fill()
      let isFull = eventually(within: 20, everyMs: 20) { files.allSatisfy(LogDisk.isAtItsEnd) }
      let logged = files.map(LogDisk.bytes)
      let (held, applied) = (try sale.held(), try sale.applied())
      try sale.sellMore(more)
      let isApplied = eventually(within: 20, everyMs: 20) {
        ((try? sale.applied()) ?? 0) > applied
      }
      let (free, silent) = (try disk.free(), files.map(LogDisk.bytes) == logged)
      let heldThen = try sale.held()
      try disk.makeRoom()
      let isBack = eventually(within: 20, everyMs: 20) {
        zip(files, logged).allSatisfy { LogDisk.bytes(of: $0) > $1 + 1_000 }
      }
      guard isFull, free == 0, silent, isApplied, isBack else {
        sale.timeline.note(
          "full \(isFull), free \(free), silent \(silent), applied \(isApplied), back \(isBack)")
        return nil
      }
      return "\(files.count) logs stood still while the held grew from \(held) to \(heldThen), "
        + "then went on"
    }
  },
  Fault(row: 26, name: "draw-without-descriptors", breaks: [.draws]) { sale, random in
    try sale.sell(Int.random(in: 100...250, using: &random))
    let draw = sale.draws.randomElement(using: &random)!
    // What breaks while none is left cannot be made anew.
    let left = Int.random(in: 0...6, using: &random)
    let isCut = Bool.random(using: &random)
    let more = Int.random(in: 50...150, using: &random)
    try sale.injure(
      "\(draw.name) without descriptors", back: .draws(withinMs: 10_000),
      services: sale.numbers(of: [draw])
    ) {
      let before = draw.acceptFailures
      let descriptors = try Descriptors(of: draw)
      let limit = try descriptors.lower(leaving: left)
      var newcomers: [HTTPTestClient] = []
      let isFelt: Bool
      do {
        if isCut { sale.deployment.redisLinks[draw.name]?.cut() }
        isFelt = try eventually(within: 15, everyMs: 20) {
          if newcomers.count < 64 {
            let newcomer = HTTPTestClient(port: draw.port, timeoutMs: 500)
            newcomers.append(newcomer)
            try newcomer.write([])
          }
          return draw.acceptFailures > before
        }
        try sale.sellMore(more)
      } catch {
        try descriptors.lift()
        throw error
      }
      try descriptors.lift()
      let failures = draw.acceptFailures - before
      for newcomer in newcomers { newcomer.close() }
      return isFelt
        ? "limit \(limit), \(failures) connections not accepted\(isCut ? ", Redis cut" : "")" : nil
    }
  },
  Fault(row: 26, name: "worker-without-descriptors", plan: slowSale, breaks: [.workers]) {
    sale, random in
    try sale.sellAndApply(Int.random(in: 100...250, using: &random))
    let worker = sale.workers.randomElement(using: &random)!
    let links = [sale.deployment.postgresLinks, sale.deployment.redisLinks]
      .compactMap { $0[worker.name] }
    let lengthMs = Int.random(in: 3_000...6_000, using: &random)
    try sale.injure(
      "\(worker.name) without descriptors", back: .worker(withinMs: 10_000),
      partitions: try worker.awaitPartitions()
    ) {
      let descriptors = try Descriptors(of: worker)
      try descriptors.lower(leaving: 0)
      let beginUs = nowUs()
      for link in links { link.cut() }
      // Longer than any pause between its tries: each of them has failed.
      let hasConnected = eventually(within: Double(lengthMs) / 1_000, everyMs: 10) {
        links.contains { $0.connections > 0 }
      }
      try descriptors.lift()
      let ms = (nowUs() - beginUs) / 1_000
      let isBack = eventually(within: 10, everyMs: 10) {
        links.allSatisfy { $0.connections > 0 }
      }
      let said = worker.events("postgres_away").last?["error"] as? String
      return !hasConnected && isBack
        ? "no connection to Postgres and Redis for \(ms) ms; \(said ?? "idle meanwhile")" : nil
    }
  },
]
