import Testing

@testable import Checker

/// Something wrong that is put into the clean sale, and the rules that must tell of it, and no others.
struct Wrong: Sendable, CustomTestStringConvertible {
  let name: String
  let rules: Set<Rule>
  let change: @Sendable (inout Scene) -> Void

  init(_ name: String, _ rules: Set<Rule>, _ change: @escaping @Sendable (inout Scene) -> Void) {
    (self.name, self.rules, self.change) = (name, rules, change)
  }

  var testDescription: String { name }
}

/// Every rule finds what breaks it, under its invariant, and finds nothing else.
@Suite struct ViolationTests {
  @Test(arguments: wrongTold + wrongTopic + wrongStores + wrongCourse)
  func isFound(_ wrong: Wrong) throws {
    var scene = Scene.clean()
    wrong.change(&scene)
    let verdict = try scene.verdict()
    let expected = Set(wrong.rules.map { "\($0.invariant.rawValue): \($0.rawValue)" })
    let found = Set(
      verdict.violations.map { violation in
        violation.description.split(separator: ":").prefix(2).joined(separator: ":")
      })
    #expect(found == expected, "\(verdict.violations.map(\.description))")
    #expect(verdict.problems == [])
  }

  /// So none can be taken out unnoticed.
  @Test func noRuleIsWithoutATest() {
    let all = wrongTold + wrongTopic + wrongStores + wrongCourse
    let tested = all.reduce(into: Set<Rule>()) { $0.formUnion($1.rules) }
    #expect(Set(Rule.allCases).subtracting(tested) == [])
  }

  @Test func manyOfAKindAreCounted() throws {
    var scene = Scene.clean()
    for _ in 1...15 { scene.tell("ann", "a1", "look", "wrong") }
    let violations = try scene.verdict().violations
    #expect(violations.count == Findings.limit + 1)
    #expect(violations.last?.text.hasSuffix("and 5 more") ?? false)
  }

  @Test func aHolderIsNotForgottenForALaterOne() throws {
    var scene = Scene.clean()
    scene.tell("zoe", "z1", "ask", "claimed", slot: 1, replayed: false)
    scene.tell("zoe", "z1", "giveBack", "unknown")
    scene.tell("ike", "i1", "ask", "claimed", slot: 1, replayed: false)
    let texts = try scene.verdict().violations.map(\.text)
    #expect(texts.contains("two were told one slot: 1 is ann/a1's and zoe/z1's at once"))
    #expect(texts.contains("two were told one slot: 1 is ann/a1's and ike/i1's at once"))
  }
}
