import Foundation
import TestSupport
import Threads

/// Two to four faults in one sale.
let randomFaults = [
  Fault(
    row: 27, name: "random", plan: Plan(stock: 4_000, limitS: 300), breaks: [],
    isCombinable: false
  ) { sale, random in try combine(sale, &random) }
]

// DESIGN
// Each fault begins at a moment of its own, so that it meets the recovery from another or the fault itself. Faults that
// break the same part wait for each other. What a fault says of its own effect counts as long as two of them could show theirs:
// one may take another's effect away. When service is back is asked once, for all of them together.

private func combine(_ sale: Sale, _ random: inout Seeded) throws {
  let faults = choose(Int.random(in: 2...4, using: &random), &random)
  sale.timeline.note("combination: \(faults.map(\.fault.name).joined(separator: ", "))")
  try sale.sell(200)
  let parts = Dictionary(
    uniqueKeysWithValues: Set(faults.flatMap(\.fault.breaks)).map { ($0, Lock(())) })
  let errors = Lock<[(fault: String, error: any Error)]>([])
  let startUs = nowUs()
  let threads = faults.map { chosen in
    NamedThread("fault-\(chosen.fault.name.prefix(9))") {
      Timing.last(ms: chosen.delayMs)
      var random = Seeded(chosen.seed)
      // In one order for all, so that no two wait for each other.
      let locks = chosen.fault.breaks.sorted { $0.rawValue < $1.rawValue }.compactMap { parts[$0] }
      do {
        try Sale.$faultNow.withValue(chosen.fault.name) {
          try holding(locks[...]) { try chosen.fault.inflict(sale, &random) }
        }
      } catch {
        errors.withLock { $0.append((chosen.fault.name, error)) }
      }
    }
  }
  for thread in threads { thread.join() }
  let thrown = errors.withLock { $0 }
  if let (fault, broken) = thrown.first(where: { $0.error is Broken }) {
    throw Broken("\(fault): \(broken)")
  }
  if let (fault, error) = thrown.first { throw TestSupportError("\(fault): \(error)") }
  sale.joinInjuries(startUs: startUs)
}

private struct Chosen {
  let fault: Fault
  let delayMs: Int
  let seed: UInt64
}

private func choose(_ count: Int, _ random: inout Seeded) -> [Chosen] {
  let all = catalogue.filter { $0.isCombinable && $0.row != 27 }
  return all.shuffled(using: &random).prefix(count).map {
    Chosen(
      fault: $0, delayMs: Int.random(in: 0...3_000, using: &random), seed: random.next())
  }
}

private func holding(_ locks: ArraySlice<Lock<Void>>, _ body: () throws -> Void) throws {
  guard let first = locks.first else { return try body() }
  try first.withLock { _ in try holding(locks.dropFirst(), body) }
}
