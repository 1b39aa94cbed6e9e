// DESIGN
// Only what is certain counts. An answer says something about a moment of its call; a call without a clear answer may have
// worked at any time from its sending until the claim deadline has passed, and a give-back from its sending on, for ever.

/// All that was told about one request.
struct Story {
  let owner: Owner
  private(set) var claims: [Told] = []
  private(set) var releases: [Told] = []
  private(set) var giveBacks: [Told] = []
  /// Answers that say how the request stands: not held.
  private(set) var refusals: [Told] = []
  /// Calls that may have claimed, or may yet.
  private(set) var open: [Told] = []

  /// Codes that say that the request holds nothing. Others say that the call was not understood.
  static let tellingCodes: Set = [
    "sold_out", "limit_reached", "not_open", "closed", "paused", "unknown_request",
    "unknown_activity",
  ]

  init(_ owner: Owner) { self.owner = owner }

  mutating func add(_ told: Told) {
    if told.call == .giveBack { giveBacks.append(told) }
    switch told.answer {
    case .claimed: claims.append(told)
    case .released: releases.append(told)
    case .refused(let code): if Self.tellingCodes.contains(code) { refusals.append(told) }
    case .pending, .later, .unknown, .wrong: if told.isOpen { open.append(told) }
    }
  }

  /// What was told first.
  var slot: Int? { claims.first?.slot }
  var slots: Set<Int> { Set(claims.compactMap(\.slot)) }
  var isReleased: Bool { !releases.isEmpty }

  /// Who was told a slot and has asked nobody to take it back holds it.
  var isHolding: Bool { slot != nil && giveBacks.isEmpty }

  /// When it was certainly held: from the first answer that said so to the sending of the first give-back; nil: at no time.
  var certain: (fromUs: Int, toUs: Int)? {
    guard let from = claims.map(\.answeredUs).min() else { return nil }
    let to = giveBacks.map(\.sentUs).min() ?? .max
    return from < to ? (from, to) : nil
  }

  /// Whether it was held from the sending of a call to its answer, whatever the call itself did.
  func isHolding(during told: Told) -> Bool {
    guard let from = claims.map(\.answeredUs).min(), from <= told.sentUs else { return false }
    // The call itself may be a give-back: of what is held, it does not say no.
    let others = giveBacks.filter { $0.sentUs != told.sentUs || $0.answeredUs != told.answeredUs }
    return others.allSatisfy { $0.sentUs >= told.answeredUs }
  }

  /// The answer that makes it certain that nothing is held in the end; nil: there is none. A lost call claims nothing later than
  /// `finalUs` after its sending.
  func finalRefusal(finalUs: Int) -> Told? {
    guard claims.isEmpty, releases.isEmpty else { return nil }
    return refusals.first { refusal in
      open.allSatisfy { $0.sentUs + finalUs <= refusal.sentUs }
    }
  }
}

extension Told {
  var slot: Int? { if case .claimed(let slot, _) = answer { slot } else { nil } }

  /// Whether the call may have claimed without saying so.
  var isOpen: Bool {
    guard call == .ask else { return false }
    switch answer {
    case .pending, .unknown, .wrong: return true
    case .later(let code): return code != "overloaded"
    case .claimed, .released, .refused: return false
    }
  }
}

/// What everybody was told.
struct Stories {
  private(set) var all: [Owner: Story] = [:]
  private(set) var byUser: [String: [Owner]] = [:]
  /// Users with an ask without a key whose outcome nobody told: they may hold a slot under any request.
  private(set) var mayHoldUnnamed: Set<String> = []
  /// Plain nos to asks without a key.
  private(set) var unnamedRefusals: [Told] = []

  init(_ told: [Told]) {
    for answer in told {
      if let owner = answer.owner {
        if all[owner] == nil { byUser[answer.user, default: []].append(owner) }
        all[owner, default: Story(owner)].add(answer)
      } else if answer.isOpen {
        mayHoldUnnamed.insert(answer.user)
      } else if case .refused(let code) = answer.answer, Story.tellingCodes.contains(code) {
        unnamedRefusals.append(answer)
      }
    }
  }

  /// In an order that is always the same.
  var sorted: [Story] {
    all.values.sorted { ($0.owner.user, $0.owner.request) < ($1.owner.user, $1.owner.request) }
  }
}
