/// The evidence and what follows from it: what the rules go by.
struct Facts {
  let evidence: Evidence
  let stories: Stories
  let replay: Replay
  /// Of the checked activities: what was neither void nor planted nor beyond the stock, each event once, where it first came.
  let valid: [(event: Event, place: Place)]
  /// The same by slot.
  let bySlot: [Slot: [(event: Event, place: Place)]]

  var round: Round { evidence.round }
  /// The one that the crowd drew on.
  var drawn: Round.Activity { round.activities.first { $0.id == evidence.report.activity }! }

  init(_ evidence: Evidence) {
    self.evidence = evidence
    stories = Stories(evidence.told)
    let postgres = evidence.postgres
    replay = Replay(
      evidence.history, totals: postgres.activities.mapValues(\.total),
      upTo: postgres.positions.mapValues(\.next))
    let stocks = Dictionary(
      evidence.round.activities.map { ($0.id, $0.stock) }, uniquingKeysWith: max)
    let planted = Set(
      evidence.round.planted.map { Place(partition: $0.partition, offset: $0.offset) })
    var seen: Set<Event> = []
    var valid: [(event: Event, place: Place)] = []
    for entry in evidence.history.entries where !entry.isVoid {
      guard case .event(let event) = entry.message, let stock = stocks[event.slot.activity],
        event.slot.number <= stock, !planted.contains(entry.record.place),
        seen.insert(event).inserted
      else { continue }
      valid.append((event, entry.record.place))
    }
    self.valid = valid
    bySlot = Dictionary(grouping: valid) { $0.event.slot }
  }

  /// Who holds each slot in Redis, releasing ones too, and in Postgres.
  func held(_ activity: Int) -> [(store: String, slots: [Int: Owner])] {
    let locks = evidence.redis[activity]!.locks.mapValues(\.owner)
    var rows: [Int: Owner] = [:]
    for (slot, row) in evidence.postgres.claims where slot.activity == activity && row.isHeld {
      rows[slot.number] = row.owner
    }
    return [("Redis", locks), ("Postgres", rows)]
  }
}
