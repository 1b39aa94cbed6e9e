internal import Synchronization

/// Room in the producer: taken before a claim is made, so that a full queue refuses early and never after a claim. A part is
/// kept for whole entries, or lanes under load would leave the relay none.
final class Permits: Sendable {
  let limit: Int
  private let reserve: Int
  private let taken = Atomic<Int>(0)

  /// `reserve`: what only `take(all:)` may take.
  init(limit: Int, reserve: Int = 0) {
    precondition((0..<limit).contains(reserve))
    self.limit = limit
    self.reserve = reserve
  }

  var inUse: Int { taken.load(ordering: .relaxed) }

  /// What `take(upTo:)` would find.
  var room: Int { max(0, limit - reserve - inUse) }

  /// As many of `wanted` as there are; give back what is not used.
  func take(upTo wanted: Int) -> Int { take(upTo: wanted, among: limit - reserve) }

  /// All of `wanted`, or none.
  func take(all wanted: Int) -> Bool {
    let granted = take(upTo: wanted, among: limit)
    if granted < wanted { giveBack(granted) }
    return granted == wanted
  }

  private func take(upTo wanted: Int, among limit: Int) -> Int {
    var current = taken.load(ordering: .relaxed)
    while true {
      let granted = min(wanted, max(0, limit - current))
      if granted == 0 { return 0 }
      let (exchanged, seen) = taken.compareExchange(
        expected: current, desired: current + granted, ordering: .relaxed)
      if exchanged { return granted }
      current = seen
    }
  }

  func giveBack(_ count: Int) {
    let left = taken.subtract(count, ordering: .relaxed).newValue
    precondition(left >= 0, "more permits came back than were taken")
  }
}
