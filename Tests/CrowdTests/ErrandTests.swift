import Testing

@testable import Crowd

/// What a user does next, given what happened.
@Suite struct ErrandTests {
  private struct Play {
    var errand: Errand
    var nowNs: Int64 = 1_000
    var patience = 5
    var isStopping = false

    init(_ plan: Plan, request: String? = "r") {
      errand = Errand(user: 1, draw: 0, plan: plan, story: Story(user: "u", request: request))
    }

    mutating func answer(_ call: Call, _ answer: Answer) -> Errand.Next {
      nowNs += 1_000
      return errand.told(
        Told(call: call, sentNs: nowNs, answeredNs: nowNs + 500, status: 0, answer: answer),
        patience: patience, isStopping: isStopping)
    }
  }

  private let claimed = Answer.claimed(slot: 3, request: "r", replayed: false)
  private let replayed = Answer.claimed(slot: 3, request: "r", replayed: true)

  /// The call that follows, whether at once or later; nil when none does.
  private func call(_ next: Errand.Next) -> Call? {
    switch next {
    case .send(let call), .wait(_, let call): call
    case .nothing, .finished: nil
    }
  }

  @Test func theWholeRoundEndsReleased() {
    var play = Play(Plan(repeats: 1, givesBack: true, asksAfterRelease: true))
    #expect(play.answer(.ask, claimed) == .send(.ask))
    #expect(play.answer(.ask, replayed) == .send(.giveBack))
    #expect(play.answer(.giveBack, .released) == .send(.ask))
    #expect(play.answer(.ask, .released) == .finished)
    #expect(play.errand.story.standing == .released)
    #expect(play.errand.story.findings == [])
  }

  @Test func aTwinWaitsForBothAnswers() {
    var play = Play(Plan(isTwin: true))
    #expect(play.errand.opening == [.ask, .ask])
    #expect(play.answer(.ask, .unknown("cut")) == .nothing)
    #expect(play.answer(.ask, claimed) == .finished)
    #expect(play.errand.underWay == 0)
  }

  @Test func pendingIsAskedUntilItIsDecided() {
    var play = Play(Plan())
    #expect(call(play.answer(.ask, .pending(request: "r"))) == .look)
    #expect(call(play.answer(.look, .pending(request: "r"))) == .ask)
    #expect(play.answer(.ask, replayed) == .finished)
    #expect(play.errand.story.standing == .held(slot: 3))
  }

  @Test func withoutAKeyOneAsksAgainUntilTheRequestIsKnown() {
    var play = Play(Plan(isKeyed: false), request: nil)
    #expect(call(play.answer(.ask, .unknown("cut"))) == .ask)
    #expect(call(play.answer(.ask, .pending(request: "given"))) != nil)
    #expect(play.errand.story.request == "given")
  }

  @Test func unknownRequestIsNoEnd() {
    var play = Play(Plan())
    _ = play.answer(.ask, .unknown("timeout"))
    #expect(call(play.answer(.look, .refused("unknown_request"))) == .ask)
  }

  @Test func aNoRightAfterALostCallIsAskedAgainWhenThatCanNoLongerArrive() {
    var play = Play(Plan())
    _ = play.answer(.ask, .unknown("cut"))
    guard case .wait(let ms, .ask) = play.answer(.ask, .refused("sold_out")) else {
      Issue.record("the no was taken for final")
      return
    }
    #expect((2_990...3_001).contains(ms))
    #expect(play.errand.story.standing == .undecided)
    play.nowNs += play.errand.story.finalAfterNs
    #expect(play.answer(.ask, .refused("sold_out")) == .finished)
    #expect(play.errand.story.standing == .refused("sold_out"))
  }

  @Test func retryAfterIsHonoured() {
    var play = Play(Plan())
    guard case .wait(let ms, .ask) = play.answer(.ask, .later("overloaded", afterMs: 2_000)) else {
      Issue.record("did not wait")
      return
    }
    #expect(ms >= 2_000)
    // Nothing was done: a plain no is final at once.
    #expect(play.answer(.ask, .refused("sold_out")) == .finished)
  }

  @Test func patienceEnds() {
    var play = Play(Plan())
    for _ in 0..<play.patience { #expect(call(play.answer(.ask, .unknown("cut"))) != nil) }
    #expect(play.answer(.ask, .unknown("cut")) == .finished)
    #expect(play.errand.story.standing == .undecided)
  }

  @Test func overloadedToTheEndIsAPlainNo() {
    var play = Play(Plan())
    play.patience = 0
    #expect(play.answer(.ask, .later("overloaded", afterMs: 1_000)) == .finished)
    #expect(play.errand.story.standing == .refused("overloaded"))
  }

  @Test func aGiveBackIsRepeatedUntilConfirmed() {
    var play = Play(Plan(givesBack: true))
    #expect(play.answer(.ask, claimed) == .send(.giveBack))
    #expect(call(play.answer(.giveBack, .unknown("cut"))) == .giveBack)
    #expect(call(play.answer(.giveBack, .pending(request: "r"))) == .look)
    #expect(call(play.answer(.look, claimed)) == .giveBack)
    #expect(play.answer(.giveBack, .released) == .finished)
  }

  @Test func aGiveBackThatIsRefusedEndsAndIsFound() {
    var play = Play(Plan(givesBack: true))
    _ = play.answer(.ask, claimed)
    #expect(play.answer(.giveBack, .refused("unknown_request")) == .finished)
    #expect(play.errand.story.findings.count == 1)
  }

  @Test func whoIsStoppingOnlyEndsWhatIsUndecided() {
    var play = Play(Plan(repeats: 1, givesBack: true))
    play.isStopping = true
    #expect(call(play.answer(.ask, .pending(request: "r"))) == .look)
    #expect(play.answer(.look, claimed) == .finished)
  }

  @Test func theSameSeedMakesTheSameCrowd() {
    var habits = Habits()
    habits.seed = 42
    habits.keyless = 0.3
    habits.giveBack = 0.5
    let plans = (1...2_000).map { user in (0...2).map { habits.plan(user: user, draw: $0) } }
    let again = (1...2_000).map { user in (0...2).map { habits.plan(user: user, draw: $0) } }
    #expect(plans == again)
    #expect(plans.allSatisfy { $0[0] != nil && $0[2] == nil })
    let first = plans.compactMap { $0[0] }
    #expect((800...1_200).contains(first.count { $0.givesBack }))
    #expect((300...500).contains(first.count { $0.repeats == 1 }))
    #expect((450...750).contains(first.count { !$0.isKeyed }))
    #expect((400...700).contains(plans.count { $0[1] != nil }))
    let requests = Set((1...2_000).map { habits.request(user: $0, draw: 0) })
    #expect(requests.count == 2_000)
    #expect(requests.allSatisfy { $0.utf8.count == 13 })
  }
}
