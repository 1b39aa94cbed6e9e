// DESIGN
// What users were told, held against what Redis and Postgres hold. Plain functions: stories and evidence in,
// findings out. They share nothing with the services, and only what is certain counts as a finding: while
// an outcome is unknown to a user, either outcome is right.

/// The promises of the design as the report names them.
enum Promise: Int, CaseIterable, Sendable {
  case neverOversold = 1
  case neverUndersold
  case claimedStays
  case appliedOnce
  case oneAnswer
  case wellFormed

  var title: String {
    switch self {
    case .neverOversold: "never oversold: distinct slots <= stock, no slot with two holders"
    case .neverUndersold: "never undersold: every slot is held in the end"
    case .claimedStays: "claimed is never taken back: who was told holds exactly that slot"
    case .appliedOnce: "applied once: Redis = Postgres, surplus = stock - held"
    case .oneAnswer: "one request, one answer: repeats agree, limits hold, all is decided"
    case .wellFormed: "clear answers: every reply is one that the API has"
    }
  }
}

/// What the checks go by, besides stories and evidence.
struct Rules: Sendable {
  var total = 0
  var limit = 1
  /// Every slot must be held in the end.
  var untilHeld = false
  /// Others draw on the activity too: claims of users that are not ours are no finding.
  var isShared = false
}

/// All findings. Without evidence only what users were told is checked.
func check(_ stories: [Story], _ evidence: Evidence?, _ rules: Rules) -> [Finding] {
  var findings = stories.flatMap(\.findings)
  findings += checkHoldings(stories, rules)
  findings += checkDecided(stories)
  findings += checkLimits(stories, rules)
  if rules.untilHeld { findings += checkAllHeld(stories, evidence?.postgres, rules) }
  guard let evidence else { return findings }
  findings += checkClaims(stories, evidence)
  findings += checkStrangers(stories, evidence, rules)
  findings += checkStores(evidence, rules)
  findings += checkLimits(evidence, rules)
  return findings
}

/// From what was told alone: who certainly held a slot, and when.
func checkHoldings(_ stories: [Story], _ rules: Rules) -> [Finding] {
  struct Holding {
    let slot: Int
    let from: Int64
    let to: Int64
    let story: Int
  }
  var findings: [Finding] = []
  var holdings: [Holding] = []
  for (index, story) in stories.enumerated() {
    guard let slot = story.slot, let from = story.claimedNs else { continue }
    if !(1...max(1, rules.total)).contains(slot) {
      findings.append(
        Finding(.neverOversold, "\(story.who) was told slot \(slot) of \(rules.total)"))
    }
    holdings.append(
      Holding(slot: slot, from: from, to: story.giveBackNs ?? .max, story: index))
  }
  holdings.sort { ($0.slot, $0.from) < ($1.slot, $1.from) }
  for (one, next) in zip(holdings, holdings.dropFirst()) where one.slot == next.slot {
    let (first, second) = (stories[one.story], stories[next.story])
    // A draw without a key, asked again under another number, is the same claim.
    if first.user == second.user && first.request == second.request { continue }
    if next.from < one.to {
      findings.append(
        Finding(.neverOversold, "slot \(one.slot) is held by \(first.who) and by \(second.who)"))
    }
  }
  return findings
}

func checkDecided(_ stories: [Story]) -> [Finding] {
  stories.compactMap { story in
    switch story.standing {
    case .undecided: Finding(.oneAnswer, "\(story.who) was never told how it ended")
    case .givingBack(let slot):
      Finding(.oneAnswer, "\(story.who) never heard that slot \(slot) was released")
    default: nil
    }
  }
}

/// Each story's end against both stores.
func checkClaims(_ stories: [Story], _ evidence: Evidence) -> [Finding] {
  var findings: [Finding] = []
  let stores = [
    ("Redis", evidence.redis.locks, evidence.redis.locks.byRequest),
    ("Postgres", evidence.postgres.claims, evidence.postgres.claims.byRequest),
  ]
  for story in stories {
    for (name, slots, requests) in stores {
      let owned = story.request.flatMap { requests[Owner(story.user, $0)] }
      switch story.standing {
      case .held(let slot):
        if owned == slot { continue }
        let holder = slots[slot].map { "\($0.user) with \($0.request)" } ?? "nobody"
        findings.append(
          Finding(
            .claimedStays, "\(story.who) was told slot \(slot); in \(name) it is held by \(holder)")
        )
      case .released:
        if let owned {
          findings.append(
            Finding(
              .claimedStays, "\(story.who) was told `released` and holds slot \(owned) in \(name)"))
        }
      case .refused(let code):
        if let owned {
          findings.append(
            Finding(
              .oneAnswer, "\(story.who) was told `\(code)` and holds slot \(owned) in \(name)"))
        }
      case .undecided, .givingBack: continue
      }
    }
  }
  return findings
}

/// Slots that are held under requests that nobody of the crowd knows to hold.
func checkStrangers(_ stories: [Story], _ evidence: Evidence, _ rules: Rules) -> [Finding] {
  var known: Set<Owner> = []
  var users: Set<String> = []
  var undecided: Set<String> = []
  for story in stories {
    users.insert(story.user)
    if let request = story.request { known.insert(Owner(story.user, request)) }
    if story.request == nil, story.standing == .undecided { undecided.insert(story.user) }
  }
  var findings: [Finding] = []
  let stores = [("Redis", evidence.redis.locks), ("Postgres", evidence.postgres.claims)]
  for (name, slots) in stores {
    for (slot, holder) in slots where !known.contains(Owner(holder.user, holder.request)) {
      if undecided.contains(holder.user) { continue }
      if rules.isShared && !users.contains(holder.user) { continue }
      findings.append(
        Finding(
          .oneAnswer,
          "slot \(slot) is held in \(name) by \(holder.user) with \(holder.request): nobody was told"
        ))
    }
  }
  return findings
}
