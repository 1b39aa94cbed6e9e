import Threads

/// A process of the pair: it can crash, be stopped and go on as a zombie, and has a clock of its own.
final class Process {
  let name: String
  /// Grows with each start: what was planned for a former life does not happen.
  private(set) var life = 1
  private(set) var isAlive = true
  /// Stopped until then, in real time.
  private(set) var stoppedUntil: Int64 = 0
  private let startNs: Int64
  /// What its clock gains in a million ticks.
  private let driftPpm: Int64

  init(_ name: String, clockStartMs: Int64, driftPpm: Int64) {
    self.name = name
    startNs = clockStartMs * 1_000_000
    self.driftPpm = driftPpm
  }

  func crash() {
    isAlive = false
    life += 1
    stoppedUntil = 0
  }

  func start() { isAlive = true }
  func stop(until moment: Int64) { stoppedUntil = max(stoppedUntil, moment) }

  /// Its clock's reading, of real time in microseconds.
  func clockNs(_ nowUs: Int64) -> Int64 { startNs + nowUs * 1_000 + nowUs * driftPpm / 1_000 }
  func bootTime(_ nowUs: Int64) -> BootTime { BootTime(nanoseconds: clockNs(nowUs)) }
  func monotonic(_ nowUs: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: clockNs(nowUs)) }

  /// How much real time passes until its clock has gone on by that much, and a little.
  func realUs(forMs ms: Int64) -> Int64 { ms * 1_000 * 1_000_000 / (1_000_000 + driftPpm) + 1 }
}
