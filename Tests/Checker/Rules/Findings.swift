/// What was found so far.
struct Findings {
  /// So many of a rule are told one by one; of the others how many there are.
  static let limit = 10

  private(set) var problems: [String] = []
  private var byRule: [Rule: (texts: [String], more: Int)] = [:]

  mutating func add(_ rule: Rule, _ text: String) {
    var found = byRule[rule] ?? ([], 0)
    if found.texts.count < Self.limit { found.texts.append(text) } else { found.more += 1 }
    byRule[rule] = found
  }

  /// Something that must be as it is expected to be.
  mutating func expect(_ isTrue: Bool, _ rule: Rule, _ text: @autoclosure () -> String) {
    if !isTrue { add(rule, text()) }
  }

  mutating func problem(_ text: String) { problems.append(text) }

  /// In the order of the rules.
  var violations: [Violation] {
    Rule.allCases.flatMap { rule -> [Violation] in
      guard let (texts, more) = byRule[rule] else { return [] }
      return (texts + (more > 0 ? ["and \(more) more"] : [])).map {
        Violation(rule.invariant, "\(rule.rawValue): \($0)")
      }
    }
  }
}
