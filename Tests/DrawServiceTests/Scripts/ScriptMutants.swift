import Testing

/// A protection taken out of a script: the trial must notice.
struct ScriptMutant: Sendable, CustomTestStringConvertible {
  let script: String
  /// Stands exactly once in the script with its prologue.
  let original: String
  let planted: String

  var testDescription: String { "\(script): \(original) → \(planted)" }

  static let all = [
    // The promises of a slot: one holder, within the stock, none lost.
    ScriptMutant("claim", "not holders[position] and ", ""),
    ScriptMutant("claim", " and not lockTexts[slot]", ""),
    ScriptMutant("claim", " and (not searchFree or isNumber(slot))", ""),
    ScriptMutant("claim", "locked + #lines >= total", "locked >= total"),
    ScriptMutant("claim", "% total + 1)", "+ 1)"),
    ScriptMutant("claim", "'LTRIM', freeKey, hintsUsed,", "'LTRIM', freeKey, hintsUsed + 1,"),
    ScriptMutant("claim", "not (used >= 0 and used < total)", "not (used >= 0)"),
    // The promises of a user: the same answer again, never more than the limit.
    ScriptMutant("claim", "holds >= limit or", "holds > limit or"),
    ScriptMutant("claim", "ever >= limit + secondChances", "false"),
    ScriptMutant("claim", "if mark ~= ':r' then holds", "if true then holds"),
    ScriptMutant("release", "call('HSET', usersKey, unpack(users))", ""),
    ScriptMutant("release", "records[user] = spelledOut(", "local _ = spelledOut("),
    ScriptMutant("claim", "if tonumber(claimSeq) > seq", "if false"),
    ScriptMutant("claim", "if limit > 1", "if false"),
    // The rules of an activity and of a call.
    ScriptMutant("claim", "now >= closes", "now > closes"),
    ScriptMutant("claim", "now < opens", "now <= opens"),
    ScriptMutant("claim", "waiting >= outboxCap", "waiting > outboxCap"),
    ScriptMutant("claim", "looked < slideLimit", "looked < slideLimit + 1"),
    ScriptMutant(
      "claim", "claimSeq = format('%d', number)", "claimSeq = number"),
    ScriptMutant("release", "now > notAfter", "now >= notAfter"),
    ScriptMutant("look", "tonumber(known) < epochSeen", "false"),
    ScriptMutant(
      "release", "known, opened = isWhole and epoch, fence", "known = isWhole and epoch"),
    ScriptMutant("claim", "known, opened = isWhole and epoch, fence", "opened = fence"),
    ScriptMutant("claim", "isWhole and epoch, fence", "epoch, fence"),
    ScriptMutant("claim", "serverEpoch and serverFence and known", "serverEpoch and known"),
    ScriptMutant("claim", "serverEpoch and serverFence and known", "known"),
    // The fence: which server this is, and whether it is whole.
    ScriptMutant("claim", "opened ~= identity()", "false"),
    ScriptMutant("claim", "opened ~= identity()", "isHere and opened ~= identity()"),
    ScriptMutant("claim", "field('\\nrun_id:')", "string.match(opened, '^%w*')"),
    ScriptMutant("claim", "field('\\nmaster_replid:')", "string.match(opened, '%w*$')"),
    ScriptMutant("claim", "locked ~= lockCount", "false"),
    ScriptMutant("claim", "waiting ~= outboxCount", "false"),
    ScriptMutant("claim", "isHere and locked ~= lockCount", "locked ~= lockCount"),
    // What is decided, and the two phases of a release.
    ScriptMutant("claim", " and tonumber(entry[2][2]) <= tonumber(eventSeq)", ""),
    ScriptMutant("look", "entry ~= nil and", "entry == nil or"),
    ScriptMutant("release", "if isWaiting(claimSeq) then", "if false then"),
    ScriptMutant("release", "lockTexts[slot] = lock", ""),
    ScriptMutant("claim", "lockTexts[slots[first + place - 1]]", "lockTexts[slots[first]]"),
    ScriptMutant("release", ".. epoch .. ' r'", ".. epoch"),
    ScriptMutant(
      "acknowledge", "if lockText(slot) ~= holder", "if false and lockText(slot) ~= holder"),
    ScriptMutant("acknowledge", "eventSeq = eventSeq + 1", ""),
    ScriptMutant("acknowledge", "string.sub(claim, 1, #start) == start", "true"),
    ScriptMutant("acknowledge", "not seen[id] and call(", "call("),
    ScriptMutant("acknowledge", "lockCount - #slots", "lockCount"),
    ScriptMutant("acknowledge", " and entry[2][6] == ARGV[i + 1]", ""),
    ScriptMutant("acknowledge", "outboxCount - #ids", "outboxCount"),
    ScriptMutant("claim", "outboxCount + 1", "outboxCount"),
  ]

  init(_ script: String, _ original: String, _ planted: String) {
    self.script = script
    self.original = original
    self.planted = planted
  }
}
