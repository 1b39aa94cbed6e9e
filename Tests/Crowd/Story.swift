/// One answer as it was received.
struct Told: Sendable {
  let call: Call
  /// Which service answered.
  var address = 0
  /// On the monotonic clock.
  let sentNs: Int64
  let answeredNs: Int64
  /// HTTP status, 0 when there was no reply.
  let status: Int
  let answer: Answer
}

/// A promise that an answer breaks.
struct Finding: Sendable, Equatable {
  /// As numbered in the design; see `Promise`.
  let promise: Int
  let text: String
}

/// What the answers to one request come to.
enum Standing: Equatable, Sendable {
  /// No answer, `pending`, or the outcome of a call is unknown.
  case undecided
  case held(slot: Int)
  /// DELETE was sent and not confirmed: the slot may be theirs or not.
  case givingBack(slot: Int)
  case released
  case refused(String)
}

/// All that one user was told about one request, folded answer by answer.
///
/// Times are compared so that only what is certain counts: an answer says something about the moment
/// of a call only if the call was sent after that moment.
struct Story: Sendable {
  let user: String
  /// A plain no ends an unknown outcome only when it was asked for this much later: until then the
  /// lost call may still be on its way (claim deadline and a margin).
  let finalAfterNs: Int64
  /// Nil while a draw without an Idempotency-Key has not been told its id.
  private(set) var request: String?
  /// The first that was told.
  private(set) var slot: Int?
  private(set) var claimedNs: Int64?
  /// When the first DELETE was sent.
  private(set) var giveBackNs: Int64?
  private(set) var releasedNs: Int64?
  private(set) var refusal: String?
  /// When the last call was sent whose outcome nobody told.
  private(set) var openNs: Int64?
  private(set) var findings: [Finding] = []

  init(user: String, request: String?, finalAfterNs: Int64 = 3_000_000_000) {
    self.user = user
    self.finalAfterNs = finalAfterNs
    self.request = request
  }

  var standing: Standing {
    if releasedNs != nil { return .released }
    if let slot { return giveBackNs == nil ? .held(slot: slot) : .givingBack(slot: slot) }
    if openNs != nil { return .undecided }
    if let refusal { return .refused(refusal) }
    return .undecided
  }

  mutating func add(_ told: Told) {
    if told.call == .giveBack { giveBackNs = min(giveBackNs ?? told.sentNs, told.sentNs) }
    switch told.answer {
    case .claimed(let slot, let request, let replayed):
      claimed(slot, request, replayed: replayed, told)
    case .pending(let request):
      if let request { name(request) }
      leftOpen(told)
    case .released: released(told)
    case .refused(let code): refused(code, told)
    case .later("overloaded", _):
      if slot == nil, openNs == nil { refusal = "overloaded" }
    case .later, .unknown: leftOpen(told)
    case .wrong(let text):
      find(6, "was answered \(text)")
      leftOpen(told)
    }
  }

  private mutating func claimed(_ slot: Int, _ request: String, replayed: Bool, _ told: Told) {
    name(request)
    if let releasedNs, told.sentNs > releasedNs {
      find(5, "was told slot \(slot) after it was released")
    }
    if let first = self.slot {
      if first != slot { find(5, "was told slot \(first), then slot \(slot)") }
      if told.call == .ask, let claimedNs, told.sentNs > claimedNs, !replayed {
        find(5, "asked again for slot \(slot) and was told that it is new")
      }
    } else {
      self.slot = slot
      claimedNs = told.answeredNs
    }
    openNs = nil
  }

  private mutating func released(_ told: Told) {
    if giveBackNs == nil { find(3, "was told `released` and never gave anything back") }
    if releasedNs == nil { releasedNs = told.answeredNs }
    openNs = nil
  }

  private mutating func refused(_ code: String, _ told: Told) {
    if let slot, let claimedNs {
      let isTheirs = giveBackNs == nil || (told.call == .giveBack && releasedNs == nil)
      if told.sentNs > claimedNs, isTheirs {
        find(5, "was told `\(code)` about slot \(slot) that they hold")
      }
      return
    }
    if code == "unknown_request" { return }  // asking again decides
    refusal = code
    if let openNs, told.sentNs >= openNs + finalAfterNs { self.openNs = nil }
  }

  private mutating func leftOpen(_ told: Told) {
    if slot == nil { openNs = max(openNs ?? told.sentNs, told.sentNs) }
  }

  private mutating func name(_ request: String) {
    if let known = self.request, known != request {
      find(5, "asked as request \(known) and was answered as \(request)")
    } else {
      self.request = request
    }
  }

  private mutating func find(_ promise: Int, _ text: String) {
    if findings.count < 8 {
      findings.append(
        Finding(promise: promise, text: "user \(user), request \(request ?? "(none)") \(text)"))
    }
  }
}
