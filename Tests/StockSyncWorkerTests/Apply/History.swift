import Stock
import TestSupport

@testable import StockSyncWorker

/// What a right Redis could have issued for one activity, and what the tables must hold in the end.
struct History {
  struct Holding: Equatable {
    let seq: Int64
    let state: String
    let user: String
    let request: String
  }

  let activity: ActivityID
  let total: Int64
  private(set) var events: [StockEvent] = []
  private(set) var claims: [Int64: Holding] = [:]
  private(set) var released: Set<String> = []

  var surplus: Int64 { total - Int64(claims.values.filter { $0.state == "claimed" }.count) }

  /// `steps` claims and releases; released slots are claimed again.
  init(
    activity: Int64, total: Int64, steps: Int, using random: inout Seeded, epoch: Int64 = 1
  ) {
    self.activity = ActivityID(activity)!
    self.total = total
    var free = Array(1...total)
    var held: [(slot: Int64, user: String, request: String)] = []
    for step in 1...steps {
      let seq = Int64(step)
      if !held.isEmpty, free.isEmpty || Int.random(in: 0..<3, using: &random) == 0 {
        let (slot, user, request) = held.remove(at: Int.random(in: held.indices, using: &random))
        add(.released, slot, seq, user, request, epoch)
        released.insert("\(user)/\(request)")
        free.append(slot)
      } else {
        let slot = free.remove(at: Int.random(in: free.indices, using: &random))
        let (user, request) = ("u\(Int.random(in: 0..<50, using: &random))", "r\(step)")
        add(.claimed, slot, seq, user, request, epoch)
        held.append((slot, user, request))
      }
    }
  }

  private mutating func add(
    _ kind: StockEvent.Kind, _ slot: Int64, _ seq: Int64, _ user: String, _ request: String,
    _ epoch: Int64
  ) {
    events.append(
      StockEvent(
        kind: kind, activity: activity, slot: slot, seq: seq, epoch: epoch, user: user,
        request: request, timeMs: 1_767_225_600_000 + seq))
    claims[slot] = Holding(seq: seq, state: kind.rawValue, user: user, request: request)
  }
}

/// The topic: gives each message its partition, by slot, and its offset.
struct Topic {
  let partitions: Int32
  private var next: [Int32: Int64] = [:]

  init(partitions: Int32 = 3) { self.partitions = partitions }

  mutating func message(_ event: StockEvent) -> StreamMessage {
    message(event.encoded(), key: event.key, partition: Int32(event.slot % Int64(partitions)))
  }

  mutating func message(_ payload: [UInt8]?, key: [UInt8]? = nil, partition: Int32) -> StreamMessage
  {
    let offset = next[partition, default: 0]
    next[partition] = offset + 1
    let decoded = StreamMessage.decode(
      partition: partition, offset: offset, key: key, payload: payload)
    guard case .message(let message) = decoded else { preconditionFailure("a newer message") }
    return message
  }
}

func event(
  _ kind: StockEvent.Kind = .claimed, activity: Int64 = 1, slot: Int64, seq: Int64,
  epoch: Int64 = 1, user: String, request: String, timeMs: Int64 = 1_767_225_600_000
) -> StockEvent {
  StockEvent(
    kind: kind, activity: ActivityID(activity)!, slot: slot, seq: seq, epoch: epoch, user: user,
    request: request, timeMs: timeMs)
}
