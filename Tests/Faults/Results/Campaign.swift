import Foundation
import TestSupport
import Threads

/// The rounds of one call.
struct Campaign {
  private let options: Options
  private let deadline: MonotonicTime?
  private let record: RoundsFile?

  init(_ options: Options) throws {
    self.options = options
    deadline = options.minutes.map { .after(ms: Int($0 * 60_000)) }
    record = options.isRecording ? try RoundsFile.forThisCommit() : nil
  }

  /// Plays them all, `jobs` side by side; true when each was clean.
  func run() throws -> Bool {
    let jobs = Lock(Jobs(options))
    let outcomes = Lock<[Outcome]>([])
    let threads = (1...options.jobs).map { number in
      NamedThread("rounds-\(number)") {
        let runner = RoundRunner(output: options.output, keepsAll: options.isKeeping)
        defer { runner.end() }
        while deadline.map({ $0 > .now }) ?? true, let job = jobs.withLock({ $0.next(number) }) {
          let outcome = runner.play(job.fault, seed: job.seed)
          if App.isEnding.withLock({ $0 }) { return }
          outcomes.withLock { $0.append(outcome) }
          tell(outcome)
          do { try record?.add(outcome) } catch { say("not recorded: \(error)") }
        }
      }
    }
    for thread in threads { thread.join() }
    let all = outcomes.withLock { $0 }
    let failed = all.filter { !$0.isClean }
    say("\(all.count) rounds, \(failed.count) failed")
    for outcome in failed {
      say(
        "  --row \(outcome.row) --fault \(outcome.fault) --seed \(outcome.seed): \(outcome.folder ?? "")"
      )
    }
    return !all.isEmpty && failed.isEmpty
  }
}

/// What a round came to, for who watches.
func tell(_ outcome: Outcome) {
  let back = outcome.backMs.isEmpty ? "-" : outcome.backMs.map(String.init).joined(separator: ",")
  say(
    "\(outcome.isClean ? "ok  " : "FAIL") row \(outcome.row) \(outcome.fault) seed \(outcome.seed): "
      + "back \(back) ms, \(String(format: "%.1f", outcome.seconds)) s; \(outcome.evidence)")
  for finding in outcome.findings.prefix(12) { say("     \(finding)") }
  if let folder = outcome.folder { say("     \(folder)") }
}
