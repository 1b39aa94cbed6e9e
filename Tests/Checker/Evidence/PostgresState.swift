/// What a slot's row, or the replay of the topic, says about the slot.
struct Holding: Equatable, Sendable, CustomStringConvertible {
  var isHeld: Bool
  var seq: Int
  var owner: Owner
  var epoch: Int

  var description: String {
    "\(isHeld ? "held" : "released") by \(owner) seq \(seq) epoch \(epoch)"
  }
}

/// One user's request.
struct Owner: Hashable, Sendable, CustomStringConvertible {
  let user, request: String
  var description: String { "\(user)/\(request)" }
}

struct Slot: Hashable, Comparable, Sendable, CustomStringConvertible {
  let activity, number: Int
  var description: String { "\(activity)_\(number)" }
  static func < (left: Self, right: Self) -> Bool {
    (left.activity, left.number) < (right.activity, right.number)
  }
}

struct OwnerIn: Hashable, Sendable, CustomStringConvertible {
  let activity: Int
  let owner: Owner
  var description: String { "\(owner) in \(activity)" }
}

/// A release that is remembered.
struct Remembered: Equatable, Sendable, CustomStringConvertible {
  let slot, seq, epoch: Int
  var description: String { "slot \(slot) seq \(seq) epoch \(epoch)" }
}

struct Position: Equatable, Sendable, CustomStringConvertible {
  var next = 0
  var barrier = 0
  var description: String { "next \(next), barrier \(barrier)" }
}

/// The tables.
struct PostgresState {
  struct Activity {
    let total, surplus, limit: Int
    let state: String
  }
  struct Letter {
    let place: Place
    let reason: String
    let key, payload: [UInt8]?
    let isResolved: Bool
  }

  let epoch: Int
  let activities: [Int: Activity]
  let claims: [Slot: Holding]
  let released: [OwnerIn: Remembered]
  let positions: [Int: Position]
  let letters: [Letter]

  init(folder: String) throws {
    func table(_ name: String) throws -> CSVTable { try CSVTable(path: "\(folder)/\(name).csv") }
    let epochs = try table("deployment").map { try $0.int("epoch") }
    guard epochs.count == 1 else { throw Unreadable("\(folder): \(epochs.count) deployments") }
    epoch = epochs[0]
    activities = Dictionary(
      uniqueKeysWithValues: try table("activity").map { row in
        (
          try row.int("id"),
          Activity(
            total: try row.int("stock_total"), surplus: try row.int("stock_surplus"),
            limit: try row.int("per_user_limit"), state: try row.text("state"))
        )
      })
    claims = Dictionary(
      uniqueKeysWithValues: try table("claim").map { row in
        (
          Slot(activity: try row.int("activity"), number: try row.int("slot")),
          Holding(
            isHeld: try row.text("state") == "claimed", seq: try row.int("seq"),
            owner: Owner(user: try row.text("usr"), request: try row.text("request")),
            epoch: try row.int("epoch"))
        )
      })
    released = Dictionary(
      uniqueKeysWithValues: try table("released_request").map { row in
        (
          OwnerIn(
            activity: try row.int("activity"),
            owner: Owner(user: try row.text("usr"), request: try row.text("request"))),
          Remembered(
            slot: try row.int("slot"), seq: try row.int("seq"), epoch: try row.int("epoch"))
        )
      })
    var topics: Set<String> = []
    positions = Dictionary(
      uniqueKeysWithValues: try table("consumer_offset").map { row in
        topics.insert(try row.text("topic"))
        return (
          try row.int("partition"),
          Position(next: try row.int("next"), barrier: try row.int("barrier_epoch"))
        )
      })
    letters = try table("dead_letter").map { row in
      topics.insert(try row.text("topic"))
      return Letter(
        place: Place(partition: try row.int("partition"), offset: try row.int("offset")),
        reason: try row.text("reason"), key: try row.bytes("key"),
        payload: try row.bytes("payload"),
        isResolved: try row.optional("replayed_at") != nil || row.optional("discarded_at") != nil)
    }
    guard topics.count <= 1 else { throw Unreadable("\(folder): several topics \(topics)") }
  }
}
