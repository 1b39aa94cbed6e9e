@testable import ScriptModel

/// How often what was reached.
struct Coverage: Sendable {
  enum Point: Int, CaseIterable, Sendable {
    case produceLost, produceAnswerLost, produceLate, produceTwice
    case commandLost, commandLate, executedLate, replyLost
    case toldPending, toldClaimed, toldClaimedAgain, toldReleased
    case toldSoldOut, toldLimitReached, toldGone, toldUnknownRequest
    case toldOverloaded, toldUnavailable, toldFenced
  }

  /// Of the scripts' model.
  private(set) var branches = [Int](repeating: 0, count: Branch.allCases.count)
  private(set) var counts = [Int](repeating: 0, count: Point.allCases.count)

  mutating func add(_ point: Point, _ count: Int = 1) { counts[point.rawValue] += count }

  mutating func add(_ branch: Branch, _ count: Int) {
    branches[Branch.allCases.firstIndex(of: branch)!] += count
  }

  mutating func merge(_ other: Coverage) {
    for place in counts.indices { counts[place] += other.counts[place] }
    for place in branches.indices { branches[place] += other.branches[place] }
  }

  subscript(point: Point) -> Int { counts[point.rawValue] }
}
