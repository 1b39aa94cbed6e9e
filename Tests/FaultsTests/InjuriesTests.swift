import Checker
import Testing

@testable import Faults

/// Several faults in one round.
@Suite struct InjuriesTests {
  private func injuries(_ all: [(String, isShown: Bool)]) -> Injuries {
    var injuries = Injuries()
    for (index, one) in all.enumerated() {
      let injury = Round.Injury(
        name: "\(one.0) \(index)", startUs: 1, healedUs: 2, back: "draws", backWithinMs: 1_000,
        evidence: "seen", isShown: one.isShown)
      injuries.all.append((one.0, injury))
    }
    injuries.joined = (1, 9)
    return injuries
  }

  @Test func twoFaultsThatShowAreShown() throws {
    let told = injuries([("kill", true), ("flush", true), ("poison", false)]).told
    #expect(told.count == 1)
    #expect(told[0].isShown)
    #expect(told[0].evidence == "kill 0: seen; flush 1: seen")
    #expect(told[0].backWithinMs == 33_000)
  }

  @Test func twoInjuriesOfOneFaultAreNot() {
    #expect(!injuries([("flush", true), ("flush", true)]).told[0].isShown)
    #expect(!injuries([("flush", true), ("kill", false)]).told[0].isShown)
  }

  @Test func aLaterProofApplies() {
    var both = injuries([("flush", true), ("kill", true)])
    both.add("relayed", to: "kill 1", of: "kill")
    #expect(both.told[0].isShown)
    #expect(both.told[0].evidence.hasSuffix("seen, relayed"))
    both.add(nil, to: "kill 1", of: "another")
    #expect(both.told[0].isShown)
    both.add(nil, to: "kill 1", of: "kill")
    #expect(!both.told[0].isShown)
  }
}
