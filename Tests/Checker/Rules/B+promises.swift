/// Each acknowledged request has exactly its one claim, and what was told stays true.
func checkPromises(_ facts: Facts, _ findings: inout Findings) {
  let drawn = facts.drawn
  var topic: [OwnerIn: [Event]] = [:]
  for (event, _) in facts.valid { topic[event.ownerIn, default: []].append(event) }
  let held = facts.held(drawn.id).map { store, slots in
    (
      store: store,
      slotOf: Dictionary(slots.map { ($0.value, $0.key) }, uniquingKeysWith: { $1 })
    )
  }
  for story in facts.stories.sorted {
    let events = topic[OwnerIn(activity: drawn.id, owner: story.owner)] ?? []
    checkAnswers(story, events, &findings)
    for (store, slotOf) in held {
      checkEnd(story, slotOf[story.owner], store, drawn, facts.round, &findings)
    }
  }
  for told in facts.evidence.told where told.answer == .wrong {
    findings.add(.wrongReply, "\(told.user) at \(told.sentUs) us")
  }
  let report = facts.evidence.report
  // A crowd that did not end has open draws of its own making.
  if report.unfinished == nil {
    findings.expect(report.undecided == 0, .neverDecided, "\(report.undecided) draws")
  }
  if drawn.limit == 1 { checkUnnamed(facts, &findings) }
  for (store, slots) in facts.held(drawn.id) {
    checkStrangers(slots, store, facts, &findings)
  }
}

/// Each answer against the topic and against the answers before it.
private func checkAnswers(_ story: Story, _ events: [Event], _ findings: inout Findings) {
  let who = story.owner
  for slot in story.slots.sorted() {
    findings.expect(
      events.contains { $0.isClaim && $0.slot.number == slot }, .claimedNotInTopic,
      "\(who) was told \(slot)")
  }
  let claimedUs = story.claims.map(\.answeredUs).min() ?? .max
  for told in story.claims {
    guard case .claimed(_, replayed: false) = told.answer, told.call == .ask else { continue }
    findings.expect(
      told.sentUs < claimedUs, .claimedAnew, "\(who) asked again and was told it is new")
  }
  if story.isReleased {
    findings.expect(
      events.contains { !$0.isClaim }, .releasedNotInTopic, "\(who)")
  }
  let releasedUs = story.releases.map(\.answeredUs).min() ?? .max
  for told in story.releases {
    findings.expect(
      story.giveBacks.contains { $0.sentUs < told.answeredUs }, .releasedUnasked, "\(who)")
  }
  for told in story.claims where told.sentUs >= releasedUs {
    findings.add(.claimedAfterRelease, "\(who)")
  }
  for told in story.refusals {
    guard case .refused(let code) = told.answer else { continue }
    findings.expect(
      told.sentUs < releasedUs, .refusedAfterRelease, "\(who) was told \(code)")
    findings.expect(
      !story.isHolding(during: told), .refusedWhileHolding, "\(who) was told \(code)")
  }
}

/// The end of a story against what a store holds.
private func checkEnd(
  _ story: Story, _ owned: Int?, _ store: String, _ drawn: Round.Activity, _ round: Round,
  _ findings: inout Findings
) {
  let who = story.owner
  if story.isReleased {
    findings.expect(
      owned == nil, .releasedAndHeld, "\(who) holds \(owned ?? 0) in \(store)")
  } else if story.isHolding, let slot = story.slot, owned != slot {
    findings.add(
      .claimedAndNotHeld,
      "\(who) was told \(slot) and holds \(owned.map(String.init) ?? "nothing") in \(store)")
  } else if let owned, story.finalRefusal(finalUs: finalUs(round)) != nil {
    findings.add(.refusedAndHeld, "\(who) holds \(owned) in \(store)")
  }
}

/// Where a lost call certainly does nothing any more: the claim deadline and a wide margin.
private func finalUs(_ round: Round) -> Int { (round.claimDeadlineMs + 2_000) * 1_000 }

/// Who may hold one slot and asks without a key is told that slot.
private func checkUnnamed(_ facts: Facts, _ findings: inout Findings) {
  for told in facts.stories.unnamedRefusals {
    for owner in facts.stories.byUser[told.user] ?? [] {
      findings.expect(
        !facts.stories.all[owner]!.isHolding(during: told), .refusedUnnamed,
        "\(owner), asking without a key")
    }
  }
}

/// Slots of requests that nobody made.
private func checkStrangers(
  _ slots: [Int: Owner], _ store: String, _ facts: Facts, _ findings: inout Findings
) {
  let reserved = facts.slotsOfLetters(facts.drawn.id)
  let users = Set(facts.evidence.told.map(\.user))
  for (slot, owner) in slots.sorted(by: { $0.key < $1.key }) {
    if facts.stories.all[owner] != nil || facts.stories.mayHoldUnnamed.contains(owner.user)
      || reserved.contains(slot)
    {
      continue
    }
    if facts.round.allows.contains("otherClients") && !users.contains(owner.user) { continue }
    findings.add(.stranger, "\(slot) by \(owner) in \(store)")
  }
}
