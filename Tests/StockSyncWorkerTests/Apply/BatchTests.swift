import PostgresClient
import Stock
import TestSupport
import Testing

@testable import StockSyncWorker

@Suite struct BatchTests {
  private func batch(_ events: [StockEvent]) -> Batch {
    var topic = Topic(partitions: 1)
    return Batch(start: [0: 0, 7: 7], messages: events.map { topic.message($0) })
  }

  @Test func knowsItsPartitionsAndWhereTheyEnd() {
    var topic = Topic(partitions: 3)
    let messages = (1...7).map {
      topic.message(event(slot: $0, seq: $0, user: "u\($0)", request: "r"))
    }
    // A gap in the offsets, as compaction and transactions leave them, belongs to the range.
    let batch = Batch(start: [0: 0, 1: 0, 2: 0, 9: 4], messages: messages)
    #expect(batch.partitions == [0, 1, 2])
    #expect(batch.end == [0: 2, 1: 3, 2: 2])
    let (first, second) = batch.split(at: 4)
    #expect(first.messages.count == 4)
    #expect(first.start == [0: 0, 1: 0, 2: 0])
    #expect(first.end == [0: 1, 1: 2, 2: 1])
    #expect(second.start == [0: 1, 1: 2, 2: 1])
    #expect(second.end == batch.end)
  }

  @Test func ordinaryHistoriesAreOneBatch() {
    var random = Seeded(5)
    let history = History(activity: 1, total: 20, steps: 400, using: &random)
    #expect(batch(history.events).independentPrefix == 400)
    #expect(batch(history.events.shuffled(using: &random)).independentPrefix == 400)
    #expect(batch(history.events + history.events).independentPrefix == 800)
  }

  @Test(arguments: [
    // Same slot and seq, another request.
    [
      event(slot: 1, seq: 1, user: "a", request: "r"),
      event(slot: 1, seq: 1, user: "b", request: "r"),
    ],
    // Same request, another slot.
    [
      event(slot: 1, seq: 1, user: "a", request: "r"),
      event(slot: 2, seq: 2, user: "a", request: "r"),
    ],
    // Claimed again after its release.
    [
      event(.released, slot: 1, seq: 2, user: "a", request: "r"),
      event(slot: 1, seq: 3, user: "a", request: "r"),
    ],
  ])
  func whatContradictsAnEarlierMessageBeginsItsOwnBatch(pair: [StockEvent]) {
    let other = event(slot: 9, seq: 9, user: "z", request: "r")
    #expect(batch([other, pair[0], pair[0], pair[1], other]).independentPrefix == 3)
  }
}

@Suite struct BatchPlanTests {
  private let known = BatchPlan.Known(totals: [1: 10], barrierEpochs: [0: 0, 1: 3])

  private func plan(_ payloads: [([UInt8], Int32)]) -> BatchPlan {
    var topic = Topic(partitions: 2)
    let messages = payloads.map { topic.message($0.0, partition: $0.1) }
    return BatchPlan(Batch(start: [0: 0, 1: 0], messages: messages), known)
  }

  @Test func sortsMessagesIntoRowsAndDeadLetters() {
    let plan = plan([
      (event(slot: 1, seq: 1, user: "a", request: "r").encoded(), 0),
      (Array("{".utf8), 0),
      (event(activity: 2, slot: 1, seq: 1, user: "a", request: "r").encoded(), 0),
      (event(slot: 11, seq: 2, user: "a", request: "r").encoded(), 0),
      (event(slot: 10, seq: 3, user: "b", request: "r").encoded(), 0),
      (event(slot: 1, seq: 1, user: "a", request: "r", timeMs: 5).encoded(), 0),
    ])
    #expect(plan.rows.map(\.event.slot) == [1, 10])
    #expect(plan.deadLetters.map(\.reason) == [.malformed, .unknownActivity, .slotOutOfRange])
    #expect(plan.deadLetters.map(\.message.offset) == [1, 2, 3])
    #expect(plan.duplicates == 1)
  }

  /// What was encoded ahead goes only where it is what the rows became.
  @Test func parametersAheadAreTheRowsOwn() {
    let good = event(slot: 1, seq: 1, epoch: 3, user: "a", request: "r").encoded()
    let other = event(.released, slot: 2, seq: 2, epoch: 3, user: "b", request: "r").encoded()
    let old = event(slot: 3, seq: 3, epoch: 2, user: "c", request: "r").encoded()
    let far = event(slot: 1 << 52, seq: 4, epoch: 3, user: "d", request: "r").encoded()
    let unknown = event(activity: 2, slot: 1, seq: 1, user: "a", request: "r").encoded()
    for (payloads, isAhead) in [
      ([good, other], true), ([good, other, good], false), ([good, old], false),
      ([good, far], false), ([good, Array("{".utf8)], false), ([good, unknown], false),
      ([unknown], false),
    ] {
      let plain = plan(payloads.map { ($0, 1) })
      var batch = plain.batch
      batch.encodeAhead()
      let ahead = BatchPlan(batch, known)
      #expect(ahead.rows == plain.rows)
      #expect(ahead.parameters.map(\.encoded) == plain.parameters.map(\.encoded))
      #expect((ahead.parameters == batch.encodedAhead) == isAhead)
    }
  }

  @Test func anEpochBelowItsPartitionsBarrierIsVoid() {
    let plan = plan([
      (event(slot: 1, seq: 1, epoch: 2, user: "a", request: "r").encoded(), 0),
      (event(slot: 2, seq: 2, epoch: 2, user: "b", request: "r").encoded(), 1),
      (event(.released, slot: 3, seq: 3, epoch: 2, user: "c", request: "r").encoded(), 1),
      (event(.released, slot: 3, seq: 4, epoch: 3, user: "c", request: "r").encoded(), 1),
    ])
    #expect(plan.rows.map(\.isVoid) == [false, true, true, false])
    #expect(plan.releases(except: []).map(\.seq) == [4])
    #expect(plan.releases(except: [3]).isEmpty)
  }

  @Test func aVoidEventIsNoDuplicateOfTheOneThatCounts() {
    let old = event(slot: 1, seq: 1, epoch: 2, user: "a", request: "r").encoded()
    let new = event(slot: 1, seq: 1, epoch: 3, user: "a", request: "r").encoded()
    let plan = plan([(old, 1), (old, 1), (new, 1), (new, 1), (old, 1)])
    #expect(plan.rows.map(\.event.epoch) == [2, 3])
    #expect(plan.rows.map(\.isVoid) == [true, false])
    #expect(plan.duplicates == 3)
  }
}

@Suite struct StreamMessageTests {
  private func decode(_ text: String?) -> StreamMessage.Decoded {
    StreamMessage.decode(
      partition: 4, offset: 7, key: [1], payload: text.map { Array($0.utf8) })
  }

  @Test func newerOnesStopAndBrokenOnesAreKept() {
    let good = String(
      decoding: event(slot: 1, seq: 1, user: "a", request: "r").encoded(), as: UTF8.self)
    guard case .message(let message) = decode(good), case .event(let found) = message.content else {
      Issue.record("a good event was not read")
      return
    }
    #expect(found.slot == 1)
    #expect(message.offset == 7)
    #expect(message.partition == 4)
    for newer in [#"{"v":2}"#, #"{"v":1,"type":"frozen"}"#] {
      guard case .tooNew = decode(newer) else {
        Issue.record("\(newer) did not stop its partition")
        return
      }
    }
    for broken in [
      nil, "", "{}", "garbage", #"{"v":1,"type":"claimed"}"#, "[]", "{\"v\":1",
      #"{"v":1,"type":"barrier"}"#,
    ] {
      guard case .message(let message) = decode(broken),
        case .unusable(.malformed, let detail) = message.content
      else {
        Issue.record("\(broken ?? "nothing") is no dead letter")
        return
      }
      #expect(!detail.isEmpty)
      #expect(message.payload == broken.map { Array($0.utf8) })
    }
  }
}
