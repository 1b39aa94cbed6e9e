import Protections
import Stock
import StockRecords

// DESIGN
// Rows stream through, all of one user together, so that a million held slots need little memory: what a page of
// rows amounts to goes out as a chunk, and only sums stay. Dead letters come last: whether a row holds their slot or
// request is known only then, so that the users whom they name are kept back until the end.

/// What an activity is in Redis, made from what Postgres knows of it.
struct Rebuild: Sendable {
  /// What is staged next. No slot and no user comes twice in a rebuild.
  struct Chunk: Equatable, Sendable {
    var locks: [(slot: Int64, lock: LockRecord)] = []
    var users: [(user: String, claims: [ClaimRecord])] = []
    /// Slots given back: hints, issued again before new ones.
    var free: [Int64] = []

    static func == (left: Self, right: Self) -> Bool {
      left.locks.elementsEqual(right.locks, by: ==) && left.users.elementsEqual(right.users, by: ==)
        && left.free == right.free
    }
  }

  /// What the swap has to find staged, and what it writes beside it.
  struct Totals: Equatable, Sendable {
    var locks: Int64 = 0
    var users: Int64 = 0
    var free: Int64 = 0
    /// The next event's seq is above it.
    var seq: Int64 = 0
    /// The highest slot ever issued.
    var used: Int64 = 0
  }

  private struct Claim {
    let request: String
    let slot, seq: Int64
    let isReleased: Bool

    /// What is not released is locked by this rebuild.
    var record: ClaimRecord {
      isReleased
        ? .spelledOut(request: request, slot: slot, seq: seq, isReleased: true) : .held(slot: slot)
    }
  }

  /// Holds the slot of a dead letter that names no readable claim. No identifiers, so nobody owns it.
  static let nobody = LockRecord(user: "!", request: "!", seq: 0, epoch: 0)

  private let total: Int64
  /// Those that may hold a slot, by slot: of several the one with the highest seq.
  private var letters: [Int64: RebuildLetter] = [:]
  private let lettersUsers: Set<String>
  /// Slots of letters that rows hold, or that were given back after the letter's claim.
  private var settledSlots: Set<Int64> = []
  /// Requests of letters that rows hold.
  private var heldRequests: Set<[String]> = []
  /// Users of letters: their rows, until the end.
  private var keptBack: [String: [RebuildRow]] = [:]
  /// The user whose rows are coming.
  private var current: [RebuildRow] = []
  private(set) var totals = Totals()

  /// `total`: the activity's stock; slots beyond it are nobody's.
  init(total: Int64, letters all: [RebuildLetter]) {
    self.total = total
    for letter in all {
      if Protection.seqAboveReleasedRows.isOn { totals.seq = max(totals.seq, letter.seq) }
      guard letter.isUnresolved, Protection.deadLettersHeld.isOn,
        let slot = letter.claim?.slot ?? letter.slotOfKey, (1...total).contains(slot)
      else { continue }
      if let known = letters[slot], known.seq >= letter.seq { continue }
      letters[slot] = letter
    }
    lettersUsers = Set(letters.values.compactMap { $0.claim?.user })
  }

  /// The next rows, in the order of their users.
  mutating func add(_ rows: [RebuildRow]) -> Chunk {
    var chunk = Chunk()
    for row in rows {
      if let before = current.first, before.user != row.user { finishUser(&chunk) }
      current.append(row)
      count(row)
      switch row.kind {
      case .claimed:
        chunk.locks.append(
          (
            row.slot,
            LockRecord(user: row.user, request: row.request, seq: row.seq, epoch: row.epoch)
          ))
        if letters[row.slot] != nil { settledSlots.insert(row.slot) }
        if lettersUsers.contains(row.user) { heldRequests.insert([row.user, row.request]) }
      case .released:
        if let letter = letters[row.slot], !settle(letter, row) { break }
        chunk.free.append(row.slot)
      case .releasedRequest:
        if let letter = letters[row.slot], letter.claim?.user == row.user,
          letter.claim?.request == row.request
        {
          _ = settle(letter, row)
        }
      }
    }
    note(chunk)
    return chunk
  }

  /// Whether the slot of a letter was given back after the letter's claim.
  private mutating func settle(_ letter: RebuildLetter, _ row: RebuildRow) -> Bool {
    guard let claim = letter.claim, row.seq >= claim.seq else { return false }
    settledSlots.insert(row.slot)
    return true
  }

  /// After the last row: its user, and what dead letters hold.
  mutating func finish() -> Chunk {
    var chunk = Chunk()
    finishUser(&chunk)
    var claims: [String: [Claim]] = [:]
    for (slot, letter) in letters.sorted(by: { $0.key < $1.key }) where !settledSlots.contains(slot)
    {
      guard let claim = letter.claim else {
        chunk.locks.append((slot, Self.nobody))
        totals.used = max(totals.used, slot)
        continue
      }
      totals.used = max(totals.used, slot)
      chunk.locks.append(
        (
          slot,
          LockRecord(
            user: claim.user, request: claim.request, seq: claim.seq, epoch: claim.epoch)
        ))
      // A request that has a slot keeps that one; this one is held until the letter is judged.
      if heldRequests.insert([claim.user, claim.request]).inserted {
        claims[claim.user, default: []].append(
          Claim(request: claim.request, slot: slot, seq: claim.seq, isReleased: false))
      }
    }
    for user in lettersUsers.sorted() {
      let record = Self.record(keptBack[user] ?? [], and: claims[user] ?? [])
      if !record.isEmpty { chunk.users.append((user, record)) }
    }
    note(chunk)
    return chunk
  }

  private mutating func count(_ row: RebuildRow) {
    totals.used = max(totals.used, row.slot)
    if row.kind == .claimed || Protection.seqAboveReleasedRows.isOn {
      totals.seq = max(totals.seq, row.seq)
    }
  }

  private mutating func note(_ chunk: Chunk) {
    totals.locks += Int64(chunk.locks.count)
    totals.users += Int64(chunk.users.count)
    totals.free += Int64(chunk.free.count)
  }

  private mutating func finishUser(_ chunk: inout Chunk) {
    guard let user = current.first?.user else { return }
    if lettersUsers.contains(user) {
      keptBack[user] = current
    } else {
      let record = Self.record(current, and: [])
      if !record.isEmpty { chunk.users.append((user, record)) }
    }
    current.removeAll(keepingCapacity: true)
  }

  /// A user's record, each request once, in the order of the seqs. A row that is held goes before a release, for it is
  /// locked; a release goes before a dead letter, for a released request is never claimed again.
  private static func record(_ rows: [RebuildRow], and letters: [Claim]) -> [ClaimRecord] {
    func claim(_ row: RebuildRow) -> Claim {
      Claim(request: row.request, slot: row.slot, seq: row.seq, isReleased: row.kind != .claimed)
    }
    if rows.count == 1 && letters.isEmpty { return [claim(rows[0]).record] }  // nearly all users
    var claims: [String: Claim] = [:]
    for row in rows where row.kind == .claimed { claims[row.request] = claim(row) }
    for row in rows where claims[row.request] == nil { claims[row.request] = claim(row) }
    for letter in letters where claims[letter.request] == nil { claims[letter.request] = letter }
    return claims.values.sorted { ($0.seq, $0.request) < ($1.seq, $1.request) }.map(\.record)
  }
}
