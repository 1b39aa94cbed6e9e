internal import Synchronization

/// Room in the producer: taken before a claim is made, so that a full queue refuses early and never after a claim.
final class Permits: Sendable {
  let limit: Int
  private let taken = Atomic<Int>(0)

  init(limit: Int) { self.limit = limit }

  var inUse: Int { taken.load(ordering: .relaxed) }

  /// As many of `wanted` as there are; give back what is not used.
  func take(upTo wanted: Int) -> Int {
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

  /// All of `wanted`, or none.
  func take(all wanted: Int) -> Bool {
    let granted = take(upTo: wanted)
    if granted < wanted { giveBack(granted) }
    return granted == wanted
  }

  func giveBack(_ count: Int) {
    let left = taken.subtract(count, ordering: .relaxed).newValue
    precondition(left >= 0, "more permits came back than were taken")
  }
}
