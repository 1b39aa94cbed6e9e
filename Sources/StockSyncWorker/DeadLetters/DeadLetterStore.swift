import PostgresClient
import Stock

/// Dead letters of one topic.
struct DeadLetterStore {
  /// Which ones a page holds.
  struct Filter {
    var activity: ActivityID?
    var reason: String?
    var includesResolved = false
  }

  /// Where a page begins: behind this message.
  struct Place: Equatable {
    var partition: Int32 = -1
    var offset: Int64 = -1
  }

  /// Who resolves a letter, and why.
  struct Resolver {
    let name: String
    let note: String?
  }

  /// What Postgres holds about a letter's slot.
  struct Holding: Equatable {
    struct Row: Equatable {
      var seq: Int64
      var isClaimed: Bool
      var user: String
      var request: String
      var epoch: Int64
    }
    var row: Row?
    /// The release of the letter's own request.
    var releasedSeq: Int64?

    /// Whether the tables already say what the event says, or what came after it.
    func reflects(_ event: StockEvent) -> Bool {
      if let releasedSeq, releasedSeq >= event.seq { return true }
      return event.kind == .claimed && row?.seq == event.seq && row?.isClaimed == true
        && row?.user == event.user && row?.request == event.request
    }
  }

  let topic: String
  let connection: PostgresConnection

  /// At most `limit` letters in order of partition and offset. The activity is looked for in the payload, page by
  /// page: a topic with many letters of other activities is read to its end.
  func list(_ filter: Filter, after place: Place = Place(), limit: Int) throws(PostgresError)
    -> [StoredLetter]
  {
    var found: [StoredLetter] = []
    var place = place
    while found.count < limit {
      let page = try page(filter, after: place, limit: 500)
      for letter in page where found.count < limit {
        place = Place(partition: letter.partition, offset: letter.offset)
        if filter.activity == nil || letter.slot?.activity == filter.activity {
          found.append(letter)
        }
      }
      if page.count < 500 { break }
    }
    return found
  }

  private func page(_ filter: Filter, after place: Place, limit: Int) throws(PostgresError)
    -> [StoredLetter]
  {
    let result = try connection.execute(
      sqlText(PackageResources.list_dead_letters_sql),
      [
        .text(topic), .int4(place.partition), .int8(place.offset),
        filter.reason.map { .text($0) } ?? .null, .bool(filter.includesResolved),
        .int8(Int64(limit)),
      ])
    return (0..<result.rowCount).map { StoredLetter(result, $0) }
  }

  /// Holds the letter until the transaction ends.
  func lock(_ partition: Int32, _ offset: Int64) throws(PostgresError) -> StoredLetter? {
    let found = try connection.execute(
      sqlText(PackageResources.lock_dead_letter_sql),
      [.text(topic), .int4(partition), .int8(offset)])
    return found.rowCount == 0 ? nil : StoredLetter(found, 0)
  }

  /// Of a letter that is held and unresolved.
  func resolve(_ letter: StoredLetter, as resolution: StoredLetter.Resolution, _ by: Resolver)
    throws(PostgresError)
  {
    try connection.execute(
      sqlText(PackageResources.resolve_dead_letter_sql),
      [
        .text(topic), .int4(letter.partition), .int8(letter.offset),
        .bool(resolution == .replayed), .text(by.name), by.note.map { .text($0) } ?? .null,
      ])
  }

  /// `user` and `request` are those of the letter's event, if it has any.
  func holding(_ activity: ActivityID, _ slot: Int64, user: String, request: String)
    throws(PostgresError) -> Holding
  {
    let found = try connection.execute(
      sqlText(PackageResources.slot_holding_sql),
      [.int8(activity.value), .int4(Int32(slot)), .text(user), .text(request)])
    var holding = Holding(row: nil, releasedSeq: found.optionalInt8(0, 5))
    if let seq = found.optionalInt8(0, 0) {
      holding.row = Holding.Row(
        seq: seq, isClaimed: found.text(0, 1) == "claimed", user: found.text(0, 2),
        request: found.text(0, 3), epoch: found.int8(0, 4))
    }
    return holding
  }
}
