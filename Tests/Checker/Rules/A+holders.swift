/// Distinct valid slots are within the stock, and no slot has two holders.
func checkHolders(_ facts: Facts, _ findings: inout Findings) {
  checkToldHolders(facts, &findings)
  for activity in facts.round.activities {
    for (store, slots) in facts.held(activity.id) {
      findings.expect(
        slots.count <= activity.stock, .moreHeldThanStock,
        "\(slots.count) of \(activity.stock) in \(store)")
      for slot in slots.keys.sorted() where !(1...activity.stock).contains(slot) {
        findings.add(.heldBeyondStock, "\(slot) of \(activity.stock) in \(store)")
      }
    }
  }
  for (slot, events) in facts.bySlot.sorted(by: { $0.key < $1.key }) {
    checkHolders(of: slot, events.map(\.event), &findings)
  }
}

/// From answers alone: who certainly held a slot, and when.
private func checkToldHolders(_ facts: Facts, _ findings: inout Findings) {
  let stock = facts.drawn.stock
  var holdings: [Int: [(fromUs: Int, toUs: Int, owner: Owner)]] = [:]
  for story in facts.stories.sorted {
    for slot in story.slots.sorted() {
      findings.expect(
        (1...stock).contains(slot), .toldBeyondStock,
        "\(story.owner) was told \(slot) of \(stock)")
      guard let certain = story.certain else { continue }
      holdings[slot, default: []].append((certain.fromUs, certain.toUs, story.owner))
    }
  }
  for (slot, all) in holdings.sorted(by: { $0.key < $1.key }) {
    var last: (toUs: Int, owner: Owner)?
    for (fromUs, toUs, owner) in all.sorted(by: { $0.fromUs < $1.fromUs }) {
      if let last, fromUs < last.toUs {
        findings.add(
          .twoToldOneSlot, "\(slot) is \(last.owner)'s and \(owner)'s at once")
      }
      if toUs > last?.toUs ?? .min { last = (toUs, owner) }
    }
  }
}

/// From the topic alone: a slot changes hands only by a release.
private func checkHolders(of slot: Slot, _ events: [Event], _ findings: inout Findings) {
  var holder: Owner?
  for event in events.sorted(by: { ($0.epoch, $0.seq) < ($1.epoch, $1.seq) }) {
    if event.isClaim {
      if let holder, holder != event.owner {
        findings.add(.twoHoldersInTopic, "\(event), while it is \(holder)'s")
      }
      holder = event.owner
    } else if holder == event.owner {
      holder = nil
    }
  }
}
