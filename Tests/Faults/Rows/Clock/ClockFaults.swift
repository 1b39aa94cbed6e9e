import Foundation
import Glibc
import TestSupport
import Threads

// DESIGN
// After a jump libfaketime lets threads that wait spin for a long time, and the process has it until its end: it is not for
// sales that go on with the same process.

/// The clock of one process jumps by an hour.
let clockFaults = [
  Fault(row: 22, name: "clock-of-draws", breaks: [.draws], isCombinable: false) { sale, random in
    try jumpClock(of: sale.draws.randomElement(using: &random)!, sale, &random)
  },
  Fault(row: 22, name: "clock-of-worker", breaks: [.workers], isCombinable: false) { sale, random in
    try jumpClock(of: sale.workers.randomElement(using: &random)!, sale, &random)
  },
]

/// Starts the process anew with a clock that can jump, in good order, and lets it jump there and back.
private func jumpClock(
  of service: ServiceProcess, _ sale: Sale, _ random: inout Seeded
) throws {
  try sale.sell(Int.random(in: 50...200, using: &random))
  let clock = try FakeClock(in: sale.folder, name: service.name)
  try service.terminate()
  try service.start(clock.environment)
  try service.awaitReady()
  try sale.sellMore(Int.random(in: 20...100, using: &random))
  let seconds = Bool.random(using: &random) ? 3_600 : -3_600
  let more = Int.random(in: 50...200, using: &random)
  let services = sale.numbers(of: [service])
  let partitions = service.kind == .worker ? try service.awaitPartitions() : []
  try sale.injure(
    "clock of \(service.name) \(seconds) s off", back: back(service), services: services,
    partitions: partitions
  ) {
    try clock.jump(toSecondsOff: seconds)
    let before = try sale.held()
    try sale.sellMore(more)
    let isSeen = eventually(within: 10, everyMs: 50) { lastLine(of: service, isOffBy: seconds) }
    let sold = try sale.held() - before
    return isSeen && sold > 0 ? "its log says so; \(sold) slots sold meanwhile" : nil
  }
  try sale.injure(
    "clock of \(service.name) true again", back: back(service), services: services,
    partitions: partitions
  ) {
    try clock.jump(toSecondsOff: 0)
    let isSeen = eventually(within: 10, everyMs: 50) { lastLine(of: service, isOffBy: 0) }
    return isSeen ? "its log says so" : nil
  }
}

private func back(_ service: ServiceProcess) -> Back {
  service.kind == .draw ? .draws(withinMs: 5_000) : .worker(withinMs: 10_000)
}

/// Whether the last line of its log is dated so many seconds from now, give or take a minute.
private func lastLine(of service: ServiceProcess, isOffBy seconds: Int) -> Bool {
  guard let line = service.process.output.split(separator: "\n").last,
    let date = logTime(of: line)
  else { return false }
  return abs(date.timeIntervalSinceNow - Double(seconds)) < 60
}
