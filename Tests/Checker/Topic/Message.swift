/// What a record of the topic of events means, by the page that describes its layout.
enum Message: Equatable, Sendable {
  case event(Event)
  case barrier(epoch: Int)
  case malformed
  /// Of a version or a type to come: a reader stops before it.
  case newer

  static let longest = 1_024
  private static let numbers = 1...(1 << 53) - 1

  init(_ payload: [UInt8]?) {
    guard let payload, payload.count <= Self.longest, let fields = FlatJSON.fields(payload) else {
      self = .malformed
      return
    }
    self = Message(fields)
  }

  private init(_ fields: [(name: String, value: FlatJSON.Value)]) {
    let texts: Set = ["type", "user", "request"]
    let wholes: Set = ["v", "activity", "slot", "seq", "epoch", "time"]
    var text: [String: String] = [:]
    var whole: [String: Int] = [:]
    var isWrong = false
    for (name, value) in fields {
      switch value {
      case .text(let value) where texts.contains(name) && text[name] == nil: text[name] = value
      case .whole(let value) where wholes.contains(name) && whole[name] == nil: whole[name] = value
      default: if texts.contains(name) || wholes.contains(name) { isWrong = true }
      }
    }
    func number(_ name: String) -> Int? {
      whole[name].flatMap { Self.numbers.contains($0) ? $0 : nil }
    }
    self = .malformed
    guard let version = whole["v"] else { return }
    if version > 1 {
      self = .newer
      return
    }
    guard version == 1, let type = text["type"] else { return }
    if !["barrier", "claimed", "released"].contains(type) {
      self = .newer
      return
    }
    guard !isWrong, let epoch = number("epoch"), number("time") != nil else { return }
    if type == "barrier" {
      self = .barrier(epoch: epoch)
      return
    }
    guard let activity = number("activity"), let slot = number("slot"), let seq = number("seq"),
      let user = text["user"], let request = text["request"],
      Self.isName(user), Self.isName(request)
    else { return }
    self = .event(
      Event(
        isClaim: type == "claimed", slot: Slot(activity: activity, number: slot), seq: seq,
        epoch: epoch, owner: Owner(user: user, request: request)))
  }

  private static func isName(_ text: String) -> Bool {
    (1...64).contains(text.utf8.count)
      && text.unicodeScalars.allSatisfy {
        $0.isASCII && ($0.properties.isAlphabetic || (0x30...0x39).contains($0.value))
          || "._~-".unicodeScalars.contains($0)
      }
  }
}

/// A claim or a release.
struct Event: Hashable, Sendable, CustomStringConvertible {
  let isClaim: Bool
  let slot: Slot
  let seq, epoch: Int
  let owner: Owner

  var ownerIn: OwnerIn { OwnerIn(activity: slot.activity, owner: owner) }
  var holding: Holding { Holding(isHeld: isClaim, seq: seq, owner: owner, epoch: epoch) }
  /// What makes two records one event: the epoch says nothing about who holds the slot.
  var identity: Event { Event(isClaim: isClaim, slot: slot, seq: seq, epoch: 0, owner: owner) }

  var description: String {
    "\(isClaim ? "claim" : "release") of \(slot) by \(owner) seq \(seq) epoch \(epoch)"
  }
}
