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

  private struct Job: Sendable {
    let fault: Fault
    let seed: UInt64
  }

  /// Plays them all, `jobs` side by side; true when each was clean.
  func run() throws -> Bool {
    let queues = Lock(queuesOfJobs())
    let outcomes = Lock<[Outcome]>([])
    let threads = (1...options.jobs).map { number in
      NamedThread("rounds-\(number)") {
        let runner = RoundRunner(output: options.output, keepsAll: options.isKeeping)
        defer { runner.end() }
        while deadline.map({ $0 > .now }) ?? true, let job = queues.withLock({ next(&$0, number) })
        {
          let outcome = runner.play(job.fault, seed: job.seed)
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

  /// By kind of ground, so that servers are started as seldom as can be.
  private func queuesOfJobs() -> [Ground.Kind: [Job]] {
    var seeds = Seeded(options.seed == 0 ? .random(in: 1 ... .max) : options.seed)
    var queues: [Ground.Kind: [Job]] = [:]
    let rounds = min(options.rounds, 1_000)
    for (_, faults) in options.chosen {
      for round in 0..<rounds {
        let fault = faults[round % faults.count]
        let seed = round == 0 && options.seed != 0 ? options.seed : seeds.next() >> 24
        queues[fault.plan.ground, default: []].append(Job(fault: fault, seed: seed))
      }
    }
    return queues
  }

  /// The longest queue first for the first thread, the others' from behind: each stays on its ground while there is work for it.
  private func next(_ queues: inout [Ground.Kind: [Job]], _ number: Int) -> Job? {
    let kinds = Ground.Kind.allCases.filter { !(queues[$0] ?? []).isEmpty }
    guard let kind = number == 1 ? kinds.first : kinds.last else { return nil }
    return queues[kind]?.removeFirst()
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
