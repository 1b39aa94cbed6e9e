import PostgresClient
import Protections
import Stock

@testable import StockSyncWorker

/// The database as plain Swift: what the statements promise, a row at a time. Activities are numbered from 1.
///
/// The differential test holds it to the SQL.
struct Tables: Equatable {
  struct Activity: Equatable {
    let total: Int64
    let limit: Int64
    var surplus: Int64
    var state = "preparing"
  }

  struct Claim: Equatable {
    var seq: Int64
    var isReleased: Bool
    var user: String
    var request: String
    var epoch: Int64
  }

  struct Request: Hashable {
    let user: String
    let request: String
  }

  struct Release: Equatable {
    let slot: Int64
    let seq: Int64
    let epoch: Int64
  }

  struct Position: Hashable {
    let partition: Int32
    let offset: Int64
  }

  struct Letter: Equatable {
    let reason: DeadLetter.Reason
    let event: StockEvent?
  }

  struct Offset: Equatable {
    var next: Int64 = 0
    var barrier: Int64 = 0
  }

  var epoch: Int64 = 1
  var isFenceGiven = false
  var activities: [Activity]
  /// By activity and slot, both from 1.
  var claims: [[Claim?]]
  var released: [[Request: Release]]
  var offsets: [Offset]
  var letters: [Position: Letter] = [:]

  init(totals: [Int64], limits: [Int64], partitions: Int) {
    activities = zip(totals, limits).map { Activity(total: $0, limit: $1, surplus: $0) }
    claims = totals.map { Array(repeating: nil, count: Int($0) + 1) }
    released = totals.map { _ in [:] }
    offsets = Array(repeating: Offset(), count: partitions)
  }

  init(_ setup: Setup) {
    self.init(totals: setup.slots, limits: setup.limits, partitions: setup.partitions)
  }

  /// One batch as one transaction: all of it or nothing.
  mutating func run(_ batch: Batch) throws(PostgresError) -> BatchTransaction.Outcome {
    for partition in batch.partitions
    where offsets[Int(partition)].next != batch.start[partition]! { return .positionLost }
    var after = self
    let outcome = try after.apply(batch)
    self = after
    return .committed(outcome)
  }

  private mutating func apply(_ batch: Batch) throws(PostgresError) -> Applied {
    var barrierEpochs: [Int32: Int64] = [:]
    for partition in batch.partitions {
      barrierEpochs[partition] = offsets[Int(partition)].barrier
    }
    var totals: [Int64: Int64] = [:]
    for id in BatchPlan.activities(of: batch) where id <= activities.count {
      totals[id] = activities[Int(id) - 1].total
    }
    let plan = BatchPlan(batch, BatchPlan.Known(totals: totals, barrierEpochs: barrierEpochs))
    let end = batch.end
    for partition in batch.partitions {
      let barrier = plan.barriers[partition] ?? 0
      offsets[Int(partition)].next = end[partition]!
      if Protection.barrierMaximum.isOn {
        offsets[Int(partition)].barrier = max(offsets[Int(partition)].barrier, barrier)
      } else if barrier > 0 {
        offsets[Int(partition)].barrier = barrier
      }
    }
    var applied = Applied(events: batch.messages.count, deadLetters: plan.deadLetters)
    let changes = try apply(plan, &applied)
    for letter in applied.deadLetters {
      let position = Position(
        partition: letter.message.partition, offset: letter.message.offset)
      if letters[position] != nil { continue }
      var event: StockEvent?
      if case .event(let content) = letter.message.content {
        event = content
      } else if let payload = letter.message.payload {
        event = try? StockEvent.decode(payload)
      }
      letters[position] = Letter(reason: letter.reason, event: event)
    }
    for (id, change) in changes {
      let surplus = activities[id].surplus - change
      guard surplus >= 0, surplus <= activities[id].total else {
        throw PostgresError(
          kind: .corruption, sqlState: "23514", message: "surplus \(surplus)",
          constraint: BatchTransaction.surplusInvariant)
      }
      activities[id].surplus = surplus
    }
    return applied
  }

  /// apply_claims.sql and remember_releases.sql; gives the changes of held slots by activity, from 0.
  private mutating func apply(
    _ plan: BatchPlan, _ applied: inout Applied
  ) throws(PostgresError) -> [(Int, Int64)] {
    var rejected: Set<Int> = []
    /// What counts of each slot: the event of the highest seq.
    var top: [(activity: Int, slot: Int, event: StockEvent)] = []
    for (place, row) in plan.rows.enumerated() {
      let event = row.event
      let (activity, slot) = (Int(event.activity.value) - 1, Int(event.slot))
      if isGivenBack(row, activity, slot) {
        rejected.insert(place)
        applied.givenBack += 1
      } else if let reason = reason(row, activity, slot) {
        rejected.insert(place)
        applied.deadLetters.append(
          DeadLetter(message: plan.message(of: row), reason: reason, detail: event.summary))
      } else if let known = top.firstIndex(where: { $0.activity == activity && $0.slot == slot }) {
        if event.seq > top[known].event.seq || !Protection.seqCompare.isOn {
          top[known].event = event
        }
      } else {
        top.append((activity, slot, event))
      }
    }
    var changes = [Int64](repeating: 0, count: activities.count)
    for (activity, slot, event) in top {
      let old = claims[activity][slot]
      if let old, old.seq >= event.seq, Protection.seqCompare.isOn || old.seq == event.seq {
        continue
      }
      changes[activity] +=
        (event.kind == .claimed ? 1 : 0) - (old.map { $0.isReleased ? 0 : 1 } ?? 0)
      claims[activity][slot] = Claim(
        seq: event.seq, isReleased: event.kind == .released, user: event.user,
        request: event.request, epoch: event.epoch)
    }
    try checkRequests(top)
    for event in plan.releases(except: rejected) {
      let request = Request(user: event.user, request: event.request)
      let activity = Int(event.activity.value) - 1
      if released[activity][request] == nil {
        released[activity][request] = Release(
          slot: event.slot, seq: event.seq, epoch: event.epoch)
      }
    }
    applied.heldChange += changes.reduce(0, +)
    return changes.enumerated().filter { $0.element != 0 }.map { ($0.offset, $0.element) }
  }

  private func reason(_ row: BatchPlan.Row, _ activity: Int, _ slot: Int) -> DeadLetter.Reason? {
    let event = row.event
    let held = claims[activity][slot]
    if let held, held.seq == event.seq, held.user == event.user, held.request == event.request,
      held.isReleased == (event.kind == .released)
    {
      return nil
    }
    let gone = released[activity][Request(user: event.user, request: event.request)]
    if let gone, gone.slot == event.slot, gone.seq >= event.seq { return nil }
    if row.isVoid { return .voidEpoch }
    if held?.seq == event.seq { return .slotSeqConflict }
    if let own = self.slot(of: event.user, event.request, activity), own != slot {
      return .requestHasOtherSlot
    }
    return gone == nil ? nil : .requestWasReleased
  }

  /// The release of a claim that was rejected, for its request holds another slot: nothing is written.
  private func isGivenBack(_ row: BatchPlan.Row, _ activity: Int, _ slot: Int) -> Bool {
    row.event.kind == .released && reason(row, activity, slot) == .requestHasOtherSlot
  }

  /// The slot whose row names that request.
  func slot(of user: String, _ request: String, _ activity: Int) -> Int? {
    claims[activity].firstIndex { $0.map { $0.request == request && $0.user == user } ?? false }
  }

  /// The unique key of requests.
  private func checkRequests(
    _ written: [(activity: Int, slot: Int, event: StockEvent)]
  ) throws(PostgresError) {
    for (activity, _, event) in written {
      let rows = claims[activity].count {
        $0.map { $0.request == event.request && $0.user == event.user } ?? false
      }
      if rows > 1 {
        throw PostgresError(kind: .data, sqlState: "23505", message: "claim_request")
      }
    }
  }
}
