import Stock

@testable import DrawService

/// What one request's client asked and was told.
struct Ask {
  let activity: Int
  let user: String
  let request: String
  /// Told claimed: that slot is the client's, until it is given back.
  var slot: Int64?
  var toldAtUs: Int64 = 0
  var isReleaseAsked = false
  var releaseToldAtUs: Int64?
  /// Told no, finally, by the last that was sent.
  var isNo = false
  /// When the last claim was sent, and how many were.
  var lastClaimAtUs: Int64 = -1 << 50
  var claimsSent = 0
}

/// Remembers what clients were told, and says when that cannot be true.
struct Checker {
  private(set) var asks: [Ask] = []
  private var places: [String: Int] = [:]

  mutating func add(_ ask: Ask) {
    places[ask.request] = asks.count
    asks.append(ask)
  }

  func place(_ request: String) -> Int? { places[request] }
  subscript(place: Int) -> Ask {
    get { asks[place] }
    set { asks[place] = newValue }
  }
}

extension World {
  /// After that long a claim that was sent can do nothing any more: its way, its deadline, and the clocks' errors.
  var claimWindowUs: Int64 { (setup.deadlineMs + UserActor.waysMs) * 1_000 + 200_000 }

  func claimSent(_ request: String) {
    guard let place = checker.place(request) else { return }
    checker[place].lastClaimAtUs = nowUs
    checker[place].claimsSent += 1
    checker[place].isNo = false
  }

  /// `previousClaimUs`: when the request's last claim before this question was sent; `claimsSent`: how many, this one
  /// included.
  func told(
    _ answer: Answer, asked: String, operation: DrawRequest.Operation, sentAtUs: Int64,
    previousClaimUs: Int64, claimsSent: Int
  ) {
    switch answer {
    case .pending: met(.toldPending)
    case .described: break
    case .claimed(let slot, let request, let isReplay):
      met(isReplay ? .toldClaimedAgain : .toldClaimed)
      toldClaimed(slot, request, sentAtUs)
    case .released(_, let request): toldReleased(request, sentAtUs)
    case .refused(let refusal):
      told(refusal, asked, operation, sentAtUs, previousClaimUs, claimsSent)
    }
  }

  private func toldClaimed(_ slot: Int64, _ request: String, _ sentAtUs: Int64) {
    guard let place = checker.place(request) else {
      return broken(.twoHolders, "told claimed for \(request), which nobody asked for")
    }
    let ask = checker[place]
    if let before = ask.slot, before != slot {
      return broken(.twoSlots, "\(request) was told slot \(before), then \(slot)")
    }
    if let released = ask.releaseToldAtUs {
      if sentAtUs > released { broken(.toldReleased, "\(request) is claimed after its release") }
      return
    }
    if ask.isNo, sentAtUs > ask.lastClaimAtUs, ask.slot == nil, ask.lastClaimAtUs < sentAtUs {
      // The no was final, and nothing was claimed since.
      return broken(.toldNo, "\(request) was told no, then claimed slot \(slot)")
    }
    checker[place].slot = slot
    if ask.slot == nil { checker[place].toldAtUs = nowUs }
    if ask.isReleaseAsked { return }
    var count = 0
    for other in checker.asks
    where other.activity == ask.activity && other.slot != nil && !other.isReleaseAsked {
      if other.slot == slot && other.request != request {
        return broken(.twoTold, "slot \(slot): \(other.request) and \(request)")
      }
      if other.user == ask.user { count += 1 }
    }
    if count > setup.limits[ask.activity] {
      broken(.overLimit, "\(ask.user) holds \(count)")
    }
  }

  private func toldReleased(_ request: String, _ sentAtUs: Int64) {
    met(.toldReleased)
    guard let place = checker.place(request) else { return }
    if !checker[place].isReleaseAsked {
      return broken(.takenBack, "\(request) was released, and nobody asked for it")
    }
    if checker[place].releaseToldAtUs == nil { checker[place].releaseToldAtUs = nowUs }
  }

  private func told(
    _ refusal: Refusal, _ asked: String, _ operation: DrawRequest.Operation, _ sentAtUs: Int64,
    _ previousClaimUs: Int64, _ claimsSent: Int
  ) {
    met(refusal)
    switch refusal {
    case .overloaded, .unavailable, .fenced: return
    case .soldOut, .limitReached, .notOpen, .closed, .paused, .released, .unknownActivity,
      .unknownRequest, .keyRequired:
      break
    }
    guard let place = checker.place(asked) else { return }
    let ask = checker[place]
    let isKeyless = operation == .claim(isKeyed: false)
    let holder =
      isKeyless
      ? checker.asks.first {
        $0.user == ask.user && $0.activity == ask.activity && $0.slot != nil
          && !$0.isReleaseAsked && $0.toldAtUs < sentAtUs
      } : ask.slot != nil && !ask.isReleaseAsked && ask.toldAtUs < sentAtUs ? ask : nil
    if let holder {
      return broken(.takenBack, "\(holder.request) was claimed, then told \(refusal.code)")
    }
    if refusal == .unknownActivity {
      return broken(.takenBack, "an open activity is told not to be there")
    }
    if operation == .release && !(refusal == .unknownRequest) { return }
    // Final, if no claim of this request that was sent before can still be under way, and none was sent since.
    if ask.claimsSent == claimsSent, sentAtUs - previousClaimUs > claimWindowUs {
      checker[place].isNo = true
    }
  }

  private func met(_ refusal: Refusal) {
    switch refusal {
    case .soldOut: met(.toldSoldOut)
    case .limitReached: met(.toldLimitReached)
    case .released: met(.toldGone)
    case .unknownRequest: met(.toldUnknownRequest)
    case .overloaded: met(.toldOverloaded)
    case .unavailable: met(.toldUnavailable)
    case .fenced: met(.toldFenced)
    case .keyRequired, .notOpen, .closed, .paused, .unknownActivity: break
    }
  }
}
