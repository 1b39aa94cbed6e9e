import Foundation
import TestSupport

/// CLOCK_BOOTTIME, by which leases are counted, is an hour ahead in the DrawServices, and they live in time namespaces
/// of their own. Needs the right to make one (root), and a kernel that lets a program begin in it (`exec`).
let bootClockFaults = [
  Fault(
    row: 22, name: "boot-clock-of-draws",
    plan: Plan(drawLauncher: ["unshare", "--time", "--boottime", "3600"]), breaks: [.draws],
    isCombinable: false
  ) { sale, random in
    try sale.sell(Int.random(in: 50...200, using: &random))
    let started = sale.draws.randomElement(using: &random)!
    try sale.injure("boot clock an hour ahead", back: .none) {
      let offsets = try sale.draws.map { try bootOffset(of: $0) }
      let leases = sale.draws.reduce(0) { $0 + $1.events("lease_gained").count }
      return offsets == sale.draws.map { _ in 3_600 } && leases >= sale.draws.count
        ? "in \(offsets.count) time namespaces, which have taken \(leases) leases" : nil
    }
    // A lease that is taken while the other process' is counted.
    try sale.injure(
      "\(started.name) ended by SIGKILL", back: .draws(withinMs: 5_000),
      services: sale.numbers(of: [started])
    ) {
      let pid = started.pid
      try started.signal(9)
      try started.start()
      try started.awaitReady()
      return try bootOffset(of: started) == 3_600
        ? "process \(pid); the next one's clock is an hour ahead too" : nil
    }
  }
]

/// Seconds that a process' CLOCK_BOOTTIME is ahead of ours; nil where it has ours.
private func bootOffset(of service: ServiceProcess) throws -> Int? {
  let files = FileManager.default
  let (own, its) = (
    try files.destinationOfSymbolicLink(atPath: "/proc/self/ns/time"),
    try files.destinationOfSymbolicLink(atPath: "/proc/\(service.pid)/ns/time")
  )
  guard own != its else { return nil }
  let offsets = try String(contentsOfFile: "/proc/\(service.pid)/timens_offsets", encoding: .utf8)
  for line in offsets.split(separator: "\n") {
    let words = line.split(separator: " ")
    if words.first == "boottime", words.count == 3 { return Int(words[1]) }
  }
  return nil
}
