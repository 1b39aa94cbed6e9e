import KafkaClient
import Synchronization
import TestSupport
import Threads

/// What stands for Postgres here: the next offset of each partition, and each message that was applied.
final class Ledger: Sendable {
  private struct State {
    var next: [Int32: Int64] = [:]
    var applied: [Int] = []
    var refusals = 0
  }
  private let state = Lock(State())

  var applied: [Int] { state.withLock { $0.applied } }
  var refusals: Int { state.withLock { $0.refusals } }

  func positions(_ partitions: [Int32]) -> [Int32: Int64] {
    state.withLock { state in
      Dictionary(uniqueKeysWithValues: partitions.map { ($0, state.next[$0] ?? 0) })
    }
  }

  /// Applies a batch only if each of its partitions is where the batch begins, and leaves no hole.
  func apply(_ messages: [KafkaMessage]) -> Bool {
    state.withLock { state in
      var next = state.next
      for message in messages {
        guard next[message.partition] ?? 0 == message.offset else {
          state.refusals += 1
          return false
        }
        next[message.partition] = message.offset + 1
      }
      state.next = next
      state.applied += messages.compactMap(\.id)
      return true
    }
  }
}

/// A consumer on its thread that applies what it reads to a ledger.
final class Member: Sendable {
  private let thread: Lock<NamedThread?>
  private let stop = ServedProducer.Stop()
  private let waker: Lock<KafkaWaker?>
  /// Partitions that it has been given so far.
  let given: Lock<[[Int32]]>

  init(_ stack: LocalStack, topic: String, group: String, ledger: Ledger) throws {
    let (stop, given, waker) = (stop, Lock<[[Int32]]>([]), Lock<KafkaWaker?>(nil))
    thread = Lock(
      NamedThread("member") {
        guard let consumer = try? stack.consumer(of: topic, group: group) else { return }
        waker.withLock { $0 = consumer.waker }
        var mine: [Int32] = []
        while !stop.flag.load(ordering: .acquiring) {
          let messages = consumer.poll(limit: 200, until: .after(ms: 1_000))
          if !messages.isEmpty && !ledger.apply(messages) {
            consumer.assign(ledger.positions(mine))
          }
          for event in consumer.takeEvents() {
            switch event {
            case .assigned(let partitions):
              mine = partitions
              given.withLock { $0.append(partitions) }
              consumer.assign(ledger.positions(partitions))
            case .revoked, .lost: mine = []
            case .partitionError, .client: break
            }
          }
        }
        _ = consumer.close(within: 10_000)
      })
    self.given = given
    self.waker = waker
  }

  func end() {
    stop.flag.store(true, ordering: .releasing)
    waker.withLock { $0?.wake() }
    thread.withLock { thread in
      thread?.join()
      thread = nil
    }
  }
}
