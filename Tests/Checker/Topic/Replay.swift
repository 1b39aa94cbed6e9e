/// The topic applied event by event, as the pages say that it is applied: what Postgres has to hold at these offsets.
struct Replay {
  /// A record that cannot be applied.
  struct Letter {
    let place: Place
    let reason: String
    /// The same event came before: whether it is kept twice depends on how records fell into batches.
    let isRepeat: Bool
  }

  private(set) var claims: [Slot: Holding] = [:]
  private(set) var released: [OwnerIn: Remembered] = [:]
  private(set) var positions: [Int: Position] = [:]
  private(set) var letters: [Letter] = []
  private(set) var duplicates = 0
  /// Slots whose rows belong to a request, held or released.
  private var rowOf: [OwnerIn: Slot] = [:]
  private var seen: Set<Event> = []
  private let totals: [Int: Int]

  /// Applies of each partition what is before `next`. `totals`: stock by activity.
  init(_ history: History, totals: [Int: Int], upTo next: [Int: Int]) {
    self.totals = totals
    for entry in history.merged where entry.record.offset < next[entry.record.partition] ?? 0 {
      apply(entry)
    }
  }

  private mutating func apply(_ entry: History.Entry) {
    let place = entry.record.place
    positions[place.partition, default: Position()].next = place.offset + 1
    switch entry.message {
    case .barrier(let epoch):
      let known = positions[place.partition]!.barrier
      positions[place.partition]!.barrier = max(known, epoch)
    case .malformed: letters.append(Letter(place: place, reason: "malformed", isRepeat: false))
    case .newer: letters.append(Letter(place: place, reason: "newer", isRepeat: false))
    case .event(let event):
      let isNew = seen.insert(event.identity).inserted
      if !isNew { duplicates += 1 }
      if let reason = reasonAgainst(event, isVoid: entry.isVoid) {
        letters.append(Letter(place: place, reason: reason, isRepeat: !isNew))
      } else {
        write(event, isVoid: entry.isVoid)
      }
    }
  }

  private func reasonAgainst(_ event: Event, isVoid: Bool) -> String? {
    guard let total = totals[event.slot.activity] else { return "unknown_activity" }
    if event.slot.number > total { return "slot_out_of_range" }
    if isKnown(event) || isGivenBack(event, isVoid: isVoid) { return nil }
    if isVoid { return "void_epoch" }
    if claims[event.slot]?.seq == event.seq { return "slot_seq_conflict" }
    if let own = rowOf[event.ownerIn], own != event.slot { return "request_has_other_slot" }
    return released[event.ownerIn] == nil ? nil : "request_was_released"
  }

  /// Its effect is there already, or was.
  private func isKnown(_ event: Event) -> Bool {
    if let row = claims[event.slot], row.seq == event.seq, row.owner == event.owner,
      row.isHeld == event.isClaim
    {
      return true
    }
    guard let gone = released[event.ownerIn] else { return false }
    return gone.slot == event.slot.number && gone.seq >= event.seq
  }

  /// The release of a second slot whose claim was rejected: it changes nothing, and is no dead letter.
  private func isGivenBack(_ event: Event, isVoid: Bool) -> Bool {
    guard !event.isClaim, !isVoid, claims[event.slot]?.seq != event.seq,
      let own = rowOf[event.ownerIn]
    else { return false }
    return own != event.slot
  }

  private mutating func write(_ event: Event, isVoid: Bool) {
    if isGivenBack(event, isVoid: isVoid) { return }
    if !event.isClaim, !isVoid, released[event.ownerIn] == nil {
      released[event.ownerIn] = Remembered(
        slot: event.slot.number, seq: event.seq, epoch: event.epoch)
    }
    let before = claims[event.slot]
    if let before, before.seq >= event.seq { return }
    if let before { rowOf[OwnerIn(activity: event.slot.activity, owner: before.owner)] = nil }
    claims[event.slot] = event.holding
    rowOf[event.ownerIn] = event.slot
  }
}
