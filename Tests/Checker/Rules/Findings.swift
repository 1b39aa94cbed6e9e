/// What was found so far.
struct Findings {
  /// So many of a kind are told one by one; of the others how many there are.
  static let limit = 10

  private(set) var problems: [String] = []
  private var kinds: [String] = []
  private var byKind: [String: (invariant: Invariant, texts: [String], more: Int)] = [:]

  /// `kind` gathers violations that are alike.
  mutating func add(_ invariant: Invariant, _ kind: String, _ text: String) {
    if byKind[kind] == nil {
      kinds.append(kind)
      byKind[kind] = (invariant, [], 0)
    }
    if byKind[kind]!.texts.count < Self.limit {
      byKind[kind]!.texts.append(text)
    } else {
      byKind[kind]!.more += 1
    }
  }

  /// Something that must be as it is expected to be.
  mutating func expect(
    _ isTrue: Bool, _ invariant: Invariant, _ kind: String, _ text: @autoclosure () -> String
  ) {
    if !isTrue { add(invariant, kind, text()) }
  }

  mutating func problem(_ text: String) { problems.append(text) }

  var violations: [Violation] {
    kinds.flatMap { kind in
      let (invariant, texts, more) = byKind[kind]!
      return texts.map { Violation(invariant, "\(kind): \($0)") }
        + (more > 0 ? [Violation(invariant, "\(kind): and \(more) more")] : [])
    }.sorted { $0.invariant.rawValue < $1.invariant.rawValue }
  }
}
