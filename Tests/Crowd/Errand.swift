import Threads

/// What a user means to do with one draw.
struct Plan: Sendable, Equatable {
  /// With an Idempotency-Key.
  var isKeyed = true
  /// Two calls at once instead of one.
  var isTwin = false
  /// How often to ask again once the slot is theirs.
  var repeats = 0
  var givesBack = false
  /// Asks once more with the same key after the release: the answer must be `released`.
  var asksAfterRelease = false
}

/// One draw from its first call to its end: given what happened, what to do next. No I/O, no clock.
struct Errand: Sendable {
  enum Next: Equatable {
    case send(Call)
    case wait(ms: Int, Call)
    /// Another call of this errand is still in flight.
    case nothing
    /// Its story has ended, or its patience.
    case finished
  }

  /// The crowd's number of the user.
  let user: Int
  /// Which draw of this user it is, from 0.
  let draw: Int
  private(set) var plan: Plan
  private(set) var story: Story
  /// When it was due to start, for the time until it was decided.
  var startedNs: Int64 = 0
  /// Which instance to ask is chosen by it: a repeat goes to the next one.
  private(set) var calls = 0
  /// Calls that are in flight, or decided on and not yet sent.
  private(set) var underWay: Int

  private var hasLeft = false
  private var tries = 0
  private var backoff = Backoff(initialMs: 40, maximumMs: 2_000)

  init(user: Int, draw: Int, plan: Plan, story: Story) {
    self.user = user
    self.draw = draw
    self.plan = plan
    self.story = story
    underWay = plan.isTwin ? 2 : 1
  }

  /// The first calls.
  var opening: [Call] { plan.isTwin ? [.ask, .ask] : [.ask] }

  mutating func sent() { calls += 1 }

  /// After its end: asks once more.
  mutating func resume() -> Call {
    underWay += 1
    return .ask
  }

  /// After its end: looks how it stands.
  mutating func lookAgain() -> Call {
    underWay += 1
    return .look
  }

  /// Marks its end; true the first time, false when it was resumed since.
  mutating func leave() -> Bool {
    defer { hasLeft = true }
    return !hasLeft
  }

  /// Takes one answer in. `patience` bounds the tries in a row that decide nothing; `isStopping`: only
  /// what is undecided goes on.
  mutating func told(_ told: Told, patience: Int, isStopping: Bool) -> Next {
    let before = story.standing
    story.add(told)
    underWay -= 1
    countDown(told, before)
    if underWay > 0 { return .nothing }
    let next =
      isDecisive(told) ? proceed(told, isStopping) : retry(told, patience, isStopping)
    if next != .finished { underWay += 1 }
    return next
  }

  private mutating func countDown(_ told: Told, _ before: Standing) {
    guard told.call == .ask, isDecisive(told) else { return }
    if case .held = before { plan.repeats -= 1 }
    if before == .released { plan.asksAfterRelease = false }
  }

  private func isDecisive(_ told: Told) -> Bool {
    switch told.answer {
    case .pending, .later, .unknown, .wrong: false
    case .refused("unknown_request") where story.slot == nil: false
    case .claimed: story.giveBackNs == nil || story.releasedNs != nil
    case .refused, .released: true
    }
  }

  private mutating func proceed(_ told: Told, _ isStopping: Bool) -> Next {
    tries = 0
    backoff.reset()
    switch story.standing {
    case .held where plan.repeats > 0 && !isStopping: return .send(.ask)
    case .held where plan.givesBack && !isStopping: return .send(.giveBack)
    case .released where plan.asksAfterRelease && !isStopping: return .send(.ask)
    case .undecided:
      // A no, but a call that went unanswered may still be on its way: ask when it can't be any more.
      let final = (story.openNs ?? 0) + story.finalAfterNs
      return .wait(ms: Int(max(0, final - told.answeredNs) / 1_000_000) + 1, .ask)
    default: return .finished
    }
  }

  private mutating func retry(_ told: Told, _ patience: Int, _ isStopping: Bool) -> Next {
    tries += 1
    if tries > patience { return .finished }
    var ms = backoff.nextMs()
    if case .later(_, let afterMs) = told.answer { ms = max(ms, min(afterMs, 5_000)) }
    switch story.standing {
    case .undecided: return .wait(ms: ms, canLook && tries % 2 == 1 ? .look : .ask)
    case .givingBack: return .wait(ms: ms, canLook && tries % 3 == 2 ? .look : .giveBack)
    case .held, .released, .refused: return isStopping ? .finished : .wait(ms: ms, .ask)
    }
  }

  private var canLook: Bool { story.request != nil }
}
