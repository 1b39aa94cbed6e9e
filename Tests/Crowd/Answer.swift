/// What is asked of the API about one draw.
enum Call: UInt8, Sendable {
  /// POST: a slot, please; or again: which one was it?
  case ask
  /// GET: how did it end?
  case look
  /// DELETE: take it back.
  case giveBack
  /// GET of the activity itself.
  case describe
}

/// What a user was told, in the API's own words. Nothing here decides whether it was right to say so.
enum Answer: Equatable, Sendable {
  /// 200: this slot is theirs.
  case claimed(slot: Int, request: String, replayed: Bool)
  /// 202: not decided yet.
  case pending(request: String?)
  /// 200 or 409 `released`: the slot of this request was given back.
  case released
  /// 4xx: a plain no, with the API's code.
  case refused(String)
  /// 503: ask again later; only `overloaded` promises that nothing was done.
  case later(String, afterMs: Int)
  /// No answer at all (cut, timed out, unreachable): the outcome is unknown.
  case unknown(String)
  /// Something that the API does not have.
  case wrong(String)
}

extension Answer {
  /// Reads one reply. `activity` is the one that was asked about.
  init(status: Int, body: [UInt8], retryAfterS: Int, activity: Int) {
    var fields = Fields()
    guard fields.read(body) else {
      // A proxy in front may answer with a page of its own when nobody is behind it.
      self =
        [502, 503, 504].contains(status) ? .unknown("\(status)") : .wrong("\(status), no JSON")
      return
    }
    switch status {
    case 200, 202: self = Answer(success: status, fields, activity: activity)
    case 409 where fields.code == "released": self = .released
    case 400..<500 where !fields.code.isEmpty: self = .refused(fields.code)
    case 503 where !fields.code.isEmpty:
      self =
        retryAfterS > 0
        ? .later(fields.code, afterMs: retryAfterS * 1_000)
        : .wrong("503 \(fields.code) without Retry-After")
    case 502, 504: self = .unknown("\(status)")
    default: self = .wrong("\(status) with code '\(fields.code)'")
    }
  }

  private init(success status: Int, _ fields: Fields, activity: Int) {
    switch (status, fields.status) {
    case (200, "claimed"):
      if fields.activity != activity || fields.lockKey != "\(activity)_\(fields.slot)" {
        self = .wrong("lock key '\(fields.lockKey)' for slot \(fields.slot) of \(fields.activity)")
      } else if fields.requestId.isEmpty {
        self = .wrong("claimed without a request id")
      } else {
        self = .claimed(
          slot: fields.slot, request: fields.requestId, replayed: fields.replayed)
      }
    case (200, "released"): self = .released
    case (202, "pending"):
      self = .pending(request: fields.requestId.isEmpty ? nil : fields.requestId)
    default: self = .wrong("\(status) with status '\(fields.status)'")
    }
  }
}
