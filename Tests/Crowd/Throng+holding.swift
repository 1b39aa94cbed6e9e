import Threads

/// What it takes to go on until every slot is held.
struct Holding {
  /// Draws that hold a slot by their own story.
  var held = 0
  /// Draws that were told `sold_out`: the first to ask again when something is left.
  private var soldOut = Queue<Int>()
  private var backoff = Backoff(initialMs: 10, maximumMs: 500)
  fileprivate var notBeforeNs: Int64 = 0
  fileprivate var newUsers = 0

  mutating func follow(_ before: Standing, _ after: Standing) {
    if case .held = before { held -= 1 }
    if case .held = after { held += 1 }
  }

  /// A draw ended with a no.
  mutating func refused(_ errand: Int, _ code: String) {
    guard code == "sold_out" else { return }
    soldOut.append(errand)
    // Too early: a slot is still on its way back, or a draw is not decided. Wait a little longer each time.
    let now = MonotonicTime.now.nanoseconds
    if notBeforeNs <= now { notBeforeNs = now + Int64(backoff.nextMs()) * 1_000_000 }
  }

  fileprivate mutating func next() -> Int? { soldOut.popFirst() }
}

extension Throng {
  var isAllHeld: Bool { holding.held >= total }

  /// Asks for one more slot if some are neither held nor being asked for: first those who were refused, then
  /// newcomers. False when there is nothing to ask now.
  func holdMore(_ nowNs: Int64) -> Bool {
    guard holding.held + inProgress < total, holding.notBeforeNs <= nowNs else { return false }
    if let errand = holding.next() {
      resume(errand)
    } else {
      let user = options.firstUser + options.users + holding.newUsers
      holding.newUsers += 1
      begin(user: user, draw: -1, plan: Plan(), dueNs: nil)
    }
    return true
  }
}
