import Checker

/// What was done to the pair in a round, and by which fault where there are several.
struct Injuries: Sendable {
  var all: [(fault: String?, injury: Round.Injury)] = []
  /// Set when all count as one: when that began and was mended.
  var joined: (startUs: Int64, healedUs: Int64)?

  /// Later evidence of an injury; nil: it is not shown.
  mutating func add(_ evidence: String?, to name: String, of fault: String?) {
    for index in all.indices where all[index].injury.name == name && all[index].fault == fault {
      all[index].injury.evidence += ", " + (evidence ?? "not shown")
      all[index].injury.isShown = all[index].injury.isShown && evidence != nil
    }
  }

  /// What the checker is told. A joined one is shown when two different faults at least could show theirs.
  var told: [Round.Injury] {
    let injuries = all.map(\.injury)
    guard let joined else { return injuries }
    let shown = all.filter(\.injury.isShown)
    return [
      Round.Injury(
        name: injuries.map(\.name).joined(separator: " + "), startUs: joined.startUs,
        healedUs: joined.healedUs, back: "draws",
        backWithinMs: 30_000 + injuries.reduce(0) { $0 + $1.backWithinMs },
        evidence: shown.map { "\($0.injury.name): \($0.injury.evidence)" }.joined(separator: "; "),
        isShown: Set(shown.map(\.fault)).count >= 2,
        services: Set(injuries.flatMap(\.services)).sorted(),
        partitions: Set(injuries.flatMap(\.partitions)).sorted())
    ]
  }
}
