/// Counts and latencies of a run, kept up as answers come in.
struct Tally: Sendable {
  /// Calls sent: POSTs, GETs, DELETEs.
  var asked = 0
  var looked = 0
  var gaveBack = 0
  /// Draws that were told a slot, by their first such answer.
  var claimed = 0
  /// Answers that named a slot which was theirs already.
  var replayed = 0
  var released = 0
  var pending = 0
  var refused: [String: Int] = [:]
  /// 503s by code.
  var later: [String: Int] = [:]
  /// Calls without an answer, by how.
  var unknown: [String: Int] = [:]
  /// Of the 200s that answered a first ask of a draw: from its sending (at a given rate: from when it was due) to the answer.
  var latenciesUs: [Int32] = []
  /// From when a draw was due to its first `claimed`, whatever came between.
  var decidedUs: [Int32] = []
  var firstSentNs: Int64 = 0
  var lastAnsweredNs: Int64 = 0
  /// Claims and time until the first `sold_out`: the sale proper.
  var soldOutNs: Int64?
  var claimedInSale = 0
  var lastClaimNs: Int64 = 0

  mutating func sent(_ call: Call, at ns: Int64) {
    if firstSentNs == 0 { firstSentNs = ns }
    switch call {
    case .ask: asked += 1
    case .look: looked += 1
    case .giveBack: gaveBack += 1
    case .describe: break
    }
  }

  /// Takes in one answer. `before`: how the draw stood until then; `dueNs`: when it was to start.
  mutating func told(_ told: Told, before: Standing, isFirst: Bool, dueNs: Int64) {
    lastAnsweredNs = told.answeredNs
    switch told.answer {
    case .claimed where isClaimless(before):
      claimed += 1
      lastClaimNs = told.answeredNs
      if soldOutNs == nil { claimedInSale += 1 }
      decidedUs.append(Self.microseconds(told.answeredNs - dueNs))
      if isFirst { latenciesUs.append(Self.microseconds(told.answeredNs - dueNs)) }
    case .claimed: replayed += 1
    case .released: if before != .released { released += 1 }
    case .pending: pending += 1
    case .refused(let code):
      refused[code, default: 0] += 1
      if code == "sold_out", soldOutNs == nil { soldOutNs = told.answeredNs }
    case .later(let code, _): later[code, default: 0] += 1
    case .unknown(let how): unknown[how, default: 0] += 1
    case .wrong: unknown["wrong", default: 0] += 1
    }
  }

  private func isClaimless(_ standing: Standing) -> Bool {
    switch standing {
    case .undecided, .refused: true
    case .held, .givingBack, .released: false
    }
  }

  private static func microseconds(_ ns: Int64) -> Int32 {
    Int32(clamping: max(0, ns) / 1_000)
  }

  /// Accepted draws per second until the first `sold_out`, or the last claim.
  var claimsPerSecond: Double {
    let end = soldOutNs ?? lastClaimNs
    return end > firstSentNs ? Double(claimedInSale) * 1e9 / Double(end - firstSentNs) : 0
  }

  var durationS: Double { Double(max(0, lastAnsweredNs - firstSentNs)) / 1e9 }
}

/// The usual points of a distribution, exact.
struct Percentiles: Sendable, Equatable, Codable {
  var count = 0
  var p50Us = 0
  var p90Us = 0
  var p99Us = 0
  var p999Us = 0
  var maxUs = 0

  init(_ values: [Int32]) {
    let sorted = values.sorted()
    count = sorted.count
    guard let last = sorted.last else { return }
    func at(_ share: Double) -> Int {
      let rank = Int((share * Double(sorted.count)).rounded(.up))
      return Int(sorted[min(sorted.count, max(1, rank)) - 1])
    }
    (p50Us, p90Us, p99Us, p999Us) = (at(0.5), at(0.9), at(0.99), at(0.999))
    maxUs = Int(last)
  }
}
