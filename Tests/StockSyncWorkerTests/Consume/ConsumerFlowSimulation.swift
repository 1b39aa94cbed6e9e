import TestSupport
import Testing
import Threads

@testable import StockSyncWorker

/// The flow against a topic, a group and a Postgres that misbehave at random. Whatever happens, what is committed of a
/// partition is its messages in order, without a gap and without a repetition; and once the world is quiet, everything
/// is applied within a bounded time.
@Suite struct ConsumerFlowSimulation {
  @Test func nothingIsSkippedOrDoubledWhateverHappens() {
    var met: [String: Int] = [:]
    for seed in UInt64(1)...25 {
      var world = World(seed: seed &* 104_729)
      for _ in 0..<1_500 { world.step(quiet: false) }
      world.ownAll()
      for _ in 0..<4_000 where !world.isDone { world.step(quiet: true) }
      #expect(world.faults == [], "seed \(seed)")
      #expect(world.isDone, "seed \(seed): \(world.flow.phase) \(world.next)")
      met.merge(world.outcomes) { $0 + $1 }
    }
    #expect(met.count == 7)
    #expect(met.allSatisfy { $0.value >= 20 }, "\(met)")
  }

  struct World {
    enum Task {
      case apply(Batch)
      case read(token: Int, [Int32])
    }

    var random: Seeded
    var flow = ConsumerFlow(ConsumerFlow.Limits(batch: 20, flushMs: 30, busyMs: 200))
    var nowMs = 1
    /// Offsets that exist: with gaps, as transactions leave them.
    var topic: [Int32: [Int64]] = [:]
    /// Postgres.
    var next: [Int32: Int64] = [:]
    var applied: [Int32: [Int64]] = [:]
    /// The consumer: what it is assigned, and where it reads.
    var owned: Set<Int32> = []
    var fetch: [Int32: Int64] = [:]
    var tasks: [Task] = []
    /// The applier drops batches until it is asked.
    var hasFailed = false
    var faults: [String] = []
    var outcomes: [String: Int] = [:]

    init(seed: UInt64) {
      random = Seeded(seed)
      for partition in Int32(0)..<4 {
        topic[partition] = (0..<1_500).filter { _ in Int.random(in: 0..<8, using: &random) > 0 }
        next[partition] = 0
        applied[partition] = []
      }
    }

    var now: MonotonicTime { MonotonicTime(nanoseconds: Int64(nowMs) * 1_000_000) }
    var isDone: Bool { topic == applied }

    func messages(of partition: Int32, from offset: Int64) -> ArraySlice<Int64> {
      let all = topic[partition]!
      // Offsets are at least their index, so this is where to begin to look.
      var index = min(all.count, Int(offset))
      while index > 0, all[index - 1] >= offset { index -= 1 }
      return all[index...]
    }

    mutating func chance(_ one: Int) -> Bool { Int.random(in: 0..<one, using: &random) == 0 }

    mutating func step(quiet: Bool) {
      nowMs += Int.random(in: 1...20, using: &random)
      if owned.isEmpty ? quiet || chance(10) : !quiet && chance(150) { rebalance() }
      if !quiet && chance(100) { applyBySomebodyElse() }
      if !flow.isFull { deliver() }
      if quiet || chance(3) { work(quiet: quiet) }
      perform(flow.tick(now: now))
    }

    mutating func rebalance() {
      outcomes["rebalance", default: 0] += 1
      if owned.isEmpty {
        owned = Set((0..<4).filter { _ in chance(2) } as [Int32])
        if owned.isEmpty { owned = [0, 1, 2, 3] }
        perform(flow.assigned(owned.sorted(), now: now))
      } else {
        owned = []
        fetch = [:]
        perform(flow.unassigned())
      }
    }

    mutating func ownAll() {
      owned = [0, 1, 2, 3]
      fetch = [:]
      perform(flow.unassigned() + flow.assigned([0, 1, 2, 3], now: now))
    }

    mutating func deliver() {
      for (partition, position) in fetch.sorted(by: { $0.key < $1.key }) {
        let count = Int.random(in: 0...6, using: &random)
        for offset in messages(of: partition, from: position).prefix(count)
        where flow.room > 0 {
          fetch[partition] = offset + 1
          flow.take(
            StreamMessage(
              partition: partition, offset: offset, key: nil, payload: nil,
              content: .unusable(.malformed, detail: "")), now: now)
        }
      }
    }

    /// The applier does one thing.
    mutating func work(quiet: Bool) {
      guard !tasks.isEmpty else { return }
      switch tasks[0] {
      case .read(let token, let partitions):
        hasFailed = false
        if !quiet && chance(3) { return }  // still away
        tasks.removeFirst()
        perform(
          flow.answered(token: token, next.filter { partitions.contains($0.key) }))
      case .apply(let batch):
        tasks.removeFirst()
        if hasFailed {
          outcomes["dropped", default: 0] += 1
          return
        }
        let fate = quiet ? 9 : Int.random(in: 0..<20, using: &random)
        if fate == 0 {
          outcomes["away", default: 0] += 1
          hasFailed = true
          perform(flow.unavailable(now: now))
        } else if batch.start.contains(where: { next[$0.key] != $0.value }) {
          outcomes["lost", default: 0] += 1
          hasFailed = true
          perform(flow.positionLost(now: now))
        } else {
          commit(batch)
          outcomes[fate == 1 ? "unknown" : "applied", default: 0] += 1
          hasFailed = fate == 1
          perform(fate == 1 ? flow.unavailable(now: now) : flow.applied())
        }
      }
    }

    mutating func commit(_ batch: Batch) {
      for (partition, end) in batch.end {
        let start = batch.start[partition]!
        let own = batch.messages.filter { $0.partition == partition }.map(\.offset)
        if own != Array(messages(of: partition, from: start).prefix(while: { $0 < end })) {
          faults.append("partition \(partition): \(start)..<\(end) with \(own)")
        }
        applied[partition]! += own
        next[partition] = end
      }
    }

    /// Another worker, or the next one after a rebalance that this one has not noticed.
    mutating func applyBySomebodyElse() {
      outcomes["other", default: 0] += 1
      let partition = Int32.random(in: 0..<4, using: &random)
      let offsets = messages(of: partition, from: next[partition]!).prefix(5)
      guard let last = offsets.last else { return }
      applied[partition]! += offsets
      next[partition] = last + 1
    }

    mutating func perform(_ actions: [ConsumerFlow.Action]) {
      for action in actions {
        switch action {
        case .park: fetch = [:]
        case .assign(let positions):
          fetch = positions.filter { owned.contains($0.key) }
        case .ask(let token, let partitions):
          if chance(10) {
            flow.askRefused(now: now)
          } else {
            tasks.removeAll { if case .read = $0 { true } else { false } }
            tasks.append(.read(token: token, partitions))
          }
        case .handOver(let batch):
          let waiting = tasks.count { if case .apply = $0 { true } else { false } }
          if waiting > 1 { faults.append("three batches at once") }
          tasks.append(.apply(batch))
        case .commit(let offsets):
          if !Set(offsets.keys).isSubset(of: owned) { faults.append("commit of others'") }
        }
      }
    }
  }
}
