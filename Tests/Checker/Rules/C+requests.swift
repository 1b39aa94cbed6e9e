/// No request has two slots, and no user more than the limit.
func checkRequests(_ facts: Facts, _ findings: inout Findings) {
  for story in facts.stories.sorted {
    findings.expect(
      story.slots.count <= 1, .toldTwoSlots, "\(story.owner): \(story.slots.sorted())")
  }
  checkToldLimit(facts, &findings)
  checkClaimedTwice(facts, &findings)
  for activity in facts.round.activities {
    checkTopicLimit(activity, facts, &findings)
    for (store, slots) in facts.held(activity.id) {
      checkHeld(slots, store, activity, &findings)
    }
    var recorded: Set<Owner> = []
    for entry in facts.evidence.redis[activity.id]!.entries {
      findings.expect(
        recorded.insert(entry.owner).inserted, .recordedTwice, "\(entry.owner)")
    }
  }
}

private func checkHeld(
  _ slots: [Int: Owner], _ store: String, _ activity: Round.Activity, _ findings: inout Findings
) {
  let byOwner = Dictionary(grouping: slots.keys) { slots[$0]! }
  for (owner, slots) in byOwner where slots.count > 1 && owner != nobody {
    findings.add(.twoSlotsHeld, "\(owner) holds \(slots.sorted()) in \(store)")
  }
  let byUser = Dictionary(grouping: slots.keys) { slots[$0]!.user }
  for (user, slots) in byUser where slots.count > activity.limit && user != nobody.user {
    findings.add(.aboveLimitHeld, "\(user) holds \(slots.sorted()) in \(store)")
  }
}

/// Holds the slot of a dead letter that cannot be read.
let nobody = Owner(user: "!", request: "!")

/// What users certainly held at one moment.
private func checkToldLimit(_ facts: Facts, _ findings: inout Findings) {
  for (user, owners) in facts.stories.byUser.sorted(by: { $0.key < $1.key }) {
    let spans = owners.compactMap { facts.stories.all[$0]!.certain }
    for span in spans {
      let held = spans.filter { $0.fromUs <= span.fromUs && span.fromUs < $0.toUs }.count
      if held > facts.drawn.limit {
        findings.add(.aboveLimitTold, "\(user) was told \(held) slots at once")
        break
      }
    }
  }
}

/// A request claims once for ever, also after its release.
private func checkClaimedTwice(_ facts: Facts, _ findings: inout Findings) {
  let claims = Dictionary(grouping: facts.valid.map(\.event).filter(\.isClaim)) { $0.ownerIn }
  for (owner, events) in claims where events.count > 1 {
    findings.add(.claimedTwiceInTopic, "\(owner): \(events.map(\.description))")
  }
}

/// The events of an activity in the order in which Redis made them.
private func checkTopicLimit(
  _ activity: Round.Activity, _ facts: Facts, _ findings: inout Findings
) {
  var holds: [String: Set<Owner>] = [:]
  let events = facts.valid.map(\.event).filter { $0.slot.activity == activity.id }
  for event in events.sorted(by: { ($0.epoch, $0.seq) < ($1.epoch, $1.seq) }) {
    let user = event.owner.user
    if event.isClaim {
      holds[user, default: []].insert(event.owner)
      findings.expect(
        holds[user]!.count <= activity.limit, .aboveLimitInTopic,
        "\(user) holds \(holds[user]!.count) with the \(event)")
    } else {
      holds[user]?.remove(event.owner)
    }
  }
}
